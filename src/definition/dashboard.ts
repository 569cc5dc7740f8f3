import { invalidDefinition, refuseUnknownOptions, requireName } from './invalid.ts';
import { rememberLocation } from './location.ts';
import type { Model } from './model.ts';
import type { FieldReference, Sql } from './sql.ts';
import type { Stream } from './stream.ts';

/** What a chart shows: a stream (live) or a model. */
export type ChartSource = Stream | Model;
type RowKeys<S> = S extends { readonly _row?: infer R } ? keyof NonNullable<R> & string : string;
/** A column of the source; `string` where the columns of a model are not known to the compiler yet. */
export type ColumnOf<S> = [RowKeys<S>] extends [never] ? string : RowKeys<S>;

interface Named {
  readonly description?: string;
}
export interface KpiOptions<S extends ChartSource> extends Named {
  readonly from: S;
  /** An aggregate, or the name of a measure. */
  readonly value: Sql | string;
  readonly format?: string;
  /** Compares with the period before, for example `'1d'`. */
  readonly compare?: string;
}
export interface XyOptions<S extends ChartSource> extends Named {
  readonly from: S;
  readonly x: ColumnOf<S>;
  readonly y: Sql | string;
  readonly color?: ColumnOf<S>;
  readonly format?: string;
}
export interface BarOptions<S extends ChartSource> extends XyOptions<S> {
  readonly top?: number;
}
export interface GridOptions<S extends ChartSource> extends Named {
  readonly from: S;
  readonly columns: readonly ColumnOf<S>[];
}

/** One element of a dashboard, as plain data. */
export interface Chart {
  readonly kind: 'kpi' | 'line' | 'bar' | 'grid' | 'select';
  readonly title: string;
  readonly from: string;
  readonly columns: { readonly [role: string]: string | readonly string[] };
  readonly measures: { readonly [role: string]: Sql | string };
  readonly options: { readonly [name: string]: string | number };
}

/** What the builder function of a dashboard is given. */
export interface ChartBuilders {
  kpi<S extends ChartSource>(title: string, options: KpiOptions<S>): Chart;
  line<S extends ChartSource>(title: string, options: XyOptions<S>): Chart;
  bar<S extends ChartSource>(title: string, options: BarOptions<S>): Chart;
  grid<S extends ChartSource>(title: string, options: GridOptions<S>): Chart;
  select(field: FieldReference): Chart;
}

export interface Dashboard<N extends string = string> {
  readonly kind: 'dashboard';
  readonly name: N;
  readonly settings: DashboardSettings;
}
export interface DashboardSettings {
  readonly title: string;
  readonly description?: string;
  readonly charts: readonly Chart[];
}

/**
 * A page of linked, live charts.
 * @throws MillraceError MR_DEFINITION_INVALID naming file, line and chart.
 */
export function dashboard<const N extends string>(
  name: N,
  options: { readonly title?: string; readonly description?: string },
  build: (charts: ChartBuilders) => readonly Chart[],
): Dashboard<N> {
  requireName('dashboard', name);
  const title = `dashboard('${name}')`;
  refuseUnknownOptions(title, options, ['title', 'description']);
  if (typeof build !== 'function')
    throw invalidDefinition(
      title,
      'the third argument must be a function that returns a list of charts.',
    );
  const charts = build(buildersFor(title));
  if (!Array.isArray(charts) || charts.length === 0)
    throw invalidDefinition(title, 'the function must return a list of at least one chart.');
  const settings = {
    title: options.title ?? name,
    ...(options.description === undefined ? {} : { description: options.description }),
    charts: Object.freeze([...charts]),
  };
  const definition = { kind: 'dashboard' as const, name, settings: Object.freeze(settings) };
  rememberLocation(definition);
  return Object.freeze(definition);
}

function buildersFor(dashboardTitle: string): ChartBuilders {
  const make = (
    kind: Chart['kind'],
    title: string,
    from: ChartSource,
    parts: Pick<Chart, 'columns' | 'measures'>,
    options: object = {},
  ): Chart => {
    if (from?.kind !== 'stream' && from?.kind !== 'model')
      throw invalidDefinition(
        dashboardTitle,
        `${kind}('${title}'): \`from\` must be a stream or a model.`,
      );
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    return Object.freeze({
      kind,
      title,
      from: from.name,
      ...parts,
      options: Object.freeze(Object.fromEntries(given)),
    });
  };
  const xy = (kind: 'line' | 'bar', title: string, options: BarOptions<ChartSource>): Chart => {
    const { from, x, y, color, ...rest } = options;
    return make(
      kind,
      title,
      from,
      { columns: { x, ...(color === undefined ? {} : { color }) }, measures: { y } },
      rest,
    );
  };
  return {
    kpi: (title, { from, value, ...rest }) =>
      make('kpi', title, from, { columns: {}, measures: { value } }, rest),
    line: (title, options) => xy('line', title, options as unknown as BarOptions<ChartSource>),
    bar: (title, options) => xy('bar', title, options as unknown as BarOptions<ChartSource>),
    grid: (title, { from, columns, ...rest }) =>
      make('grid', title, from, { columns: { columns }, measures: {} }, rest),
    select: (field) => {
      if (field?.kind !== 'field-reference')
        throw invalidDefinition(
          dashboardTitle,
          'select() takes a field, for example select(sales.fields.country).',
        );
      return Object.freeze({
        kind: 'select',
        title: field.field,
        from: field.of,
        columns: { column: field.field },
        measures: {},
        options: {},
      });
    },
  };
}
