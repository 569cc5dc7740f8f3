import type { Grain } from '../core/time-grain.ts';
import type { Model } from './model.ts';
import type { FieldReference, Sql } from './sql.ts';
import type { Stream } from './stream.ts';

/** What a chart shows: a stream (live) or a model. */
export type ChartSource = Stream | Model;
type RowKeys<S> = S extends { readonly _row?: infer R } ? keyof NonNullable<R> & string : string;
/** A column of the source; `string` where the columns of a model are not known to the compiler yet. */
export type ColumnOf<S> = [RowKeys<S>] extends [never] ? string : RowKeys<S>;
type MeasuresOf<S> = S extends { readonly _measures?: infer M } ? NonNullable<M> & string : never;
/**
 * What a value may be called: a measure, or, on a model, a column whose sum is meant, as a model's rows are
 * aggregates already. A conditional, as the compiler's messages then list the names.
 */
export type ValueName<S> = S extends { readonly kind: 'model' }
  ? MeasuresOf<S> | ColumnOf<S>
  : MeasuresOf<S>;

/** How numbers and times are written. */
export const FORMATS = [
  'number',
  'integer',
  'compact',
  'percent',
  'bytes',
  'date',
  'datetime',
] as const;
export type Format = (typeof FORMATS)[number];
/** Three capitals (ISO 4217). */
export type Currency = Uppercase<string>;

interface Named {
  readonly description?: string;
}
export interface KpiOptions<S extends ChartSource> extends Named {
  readonly from: S;
  readonly value: Sql | ValueName<S>;
  readonly format?: Format | Currency;
  /** Also shows the last span, for example `'1d'`, beside the span before it; `'previous'`: the period and the one before. */
  readonly compare?: string;
  /** Whether more is better; colours the change. Default `'up'`. */
  readonly good?: 'up' | 'down';
}
export interface SeriesOptions<S extends ChartSource> extends Named {
  readonly from: S;
  readonly x: ColumnOf<S>;
  readonly y: Sql | ValueName<S>;
  /** One series for each value of this column. */
  readonly color?: ColumnOf<S>;
  /** Bins of a time `x`. Default: by the length of the period. */
  readonly by?: Grain;
  /** Series drawn by name; the rest is summed up as "Other". Default 6. */
  readonly series?: number;
  readonly format?: Format | Currency;
}
export interface BarOptions<S extends ChartSource> extends SeriesOptions<S> {
  /** Bars shown, largest first. Default 12; a time `x` shows all. */
  readonly top?: number;
}
export interface GridOptions<S extends ChartSource> extends Named {
  readonly from: S;
  readonly columns: readonly ColumnOf<S>[];
  /** Default: the newest records of a stream first. */
  readonly sort?: ColumnOf<S>;
  readonly order?: 'asc' | 'desc';
  /** Rows shown. Default 50. */
  readonly limit?: number;
  readonly formats?: { readonly [C in ColumnOf<S>]?: Format | Currency };
}
export interface SelectOptions {
  readonly title?: string;
}
export interface PeriodOptions {
  /** `'7d'`, `'24h'` or `'all'` (default): the last span, which ends at the newest value. */
  readonly default?: string;
  /** Spans to choose from. */
  readonly spans?: readonly string[];
}

export type ChartKind = 'kpi' | 'line' | 'area' | 'bar' | 'stacked' | 'grid';

/** One chart, as plain data. */
export interface Chart {
  readonly kind: ChartKind;
  /** The slug of its title. */
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly from: string;
  readonly value?: Sql | string;
  readonly x?: string;
  readonly color?: string;
  readonly columns?: readonly string[];
  readonly by?: Grain;
  readonly top?: number;
  readonly series?: number;
  readonly format?: string;
  readonly compare?: string;
  readonly good?: 'up' | 'down';
  readonly sort?: string;
  readonly order?: 'asc' | 'desc';
  readonly limit?: number;
  readonly formats?: { readonly [column: string]: string };
}

export interface SelectControl {
  readonly kind: 'select';
  readonly id: string;
  readonly title: string;
  readonly from: string;
  readonly field: string;
}
export interface PeriodControl {
  readonly kind: 'period';
  readonly default: string;
  readonly spans: readonly string[];
}
export interface SearchControl {
  readonly kind: 'search';
  readonly id: string;
  readonly title: string;
  readonly from: string;
  readonly field: string;
}
export interface Row {
  readonly kind: 'row';
  readonly items: readonly DashboardItem[];
}
export interface Tabs {
  readonly kind: 'tabs';
  readonly id: string;
  readonly tabs: readonly { readonly title: string; readonly items: readonly DashboardItem[] }[];
}
export type DashboardItem = Chart | SelectControl | PeriodControl | SearchControl | Row | Tabs;

/** A column to filter by: a field of a stream, or a column of a model. */
export type FilterColumn<M extends Model = Model> =
  | FieldReference
  | { readonly from: M; readonly column: ColumnOf<M> };

/** What the builder function of a dashboard is given. */
export interface ChartBuilders {
  kpi<S extends ChartSource>(title: string, options: KpiOptions<S>): Chart;
  line<S extends ChartSource>(title: string, options: SeriesOptions<S>): Chart;
  area<S extends ChartSource>(title: string, options: SeriesOptions<S>): Chart;
  bar<S extends ChartSource>(title: string, options: BarOptions<S>): Chart;
  /** Bars on top of each other, one part for each value of `color`. */
  stacked<S extends ChartSource>(
    title: string,
    options: BarOptions<S> & { readonly color: ColumnOf<S> },
  ): Chart;
  grid<S extends ChartSource>(title: string, options: GridOptions<S>): Chart;
  /** Chooses values of a column. */
  select<M extends Model>(column: FilterColumn<M>, options?: SelectOptions): SelectControl;
  /** Chooses the span of time that everything shows. */
  period(options?: PeriodOptions): PeriodControl;
  /** Keeps the rows whose text has the words typed. */
  search<M extends Model>(column: FilterColumn<M>, options?: SelectOptions): SearchControl;
  /** Side by side. */
  row(...items: readonly DashboardItem[]): Row;
  tabs(tabs: { readonly [title: string]: readonly DashboardItem[] }): Tabs;
}
