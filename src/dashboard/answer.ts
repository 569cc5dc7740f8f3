import type { FieldType } from '../core/field-types.ts';
import type { Grain } from '../core/time-grain.ts';

/**
 * What a dashboard shows at one moment. Every number is of the version named: the position up to which
 * each stream was read, and the version of each model's table.
 */
export interface DashboardAnswer {
  readonly version: { readonly [source: string]: number };
  /** Newest value of the time of each source, ISO 8601 without zone (UTC where it is an instant). */
  readonly newest: { readonly [source: string]: string | null };
  /** The span shown; null for everything. */
  readonly period: { readonly from: string; readonly until: string } | null;
  /** Which times are instants: they are of UTC here, and in the viewer's zone on the screen. */
  readonly instants: {
    /** Columns that filters may name. */
    readonly fields: readonly string[];
    /** Whether the times of all sources are, and so the period and what is newest. */
    readonly time: boolean;
  };
  readonly charts: { readonly [id: string]: ChartAnswer };
  /** Choices of each `select`, most frequent first; with words to find, those that have them. */
  readonly choices: { readonly [field: string]: readonly Choice[] };
  /** How many choices of a field there are, listed or not. */
  readonly choiceCounts: { readonly [field: string]: number };
}

export interface Choice {
  readonly value: string | null;
  readonly rows: number;
}

export type ChartAnswer = (KpiAnswer | SeriesAnswer | GridAnswer | FailedAnswer) & {
  /** Fields of filters that this chart's source does not have. */
  readonly notFiltered: readonly string[];
  /** `cube`: added up from kept aggregates; `full`: computed over all rows, as the measure does not add up. */
  readonly from: 'cube' | 'full';
};

/** A number as exact text; null where there is none. */
export type ExactNumber = string | null;

export interface KpiAnswer {
  readonly kind: 'kpi';
  readonly value: ExactNumber;
  /** Without filters; absent where none applies. */
  readonly total?: ExactNumber;
  /** Whether the value is a share of the total: of a sum or a count it is, of a median it is not. */
  readonly isShare?: boolean;
  /** The span that ends at the newest value (or the period's end) and the one before it. */
  readonly compare?: {
    readonly span: string;
    readonly current: ExactNumber;
    readonly previous: ExactNumber;
  };
  readonly spark?: Bins;
}

/** What a bin without rows is: sums and counts are 0 there; absent for averages and the like, which have no value. */
export interface OfNothing {
  readonly ofNothing?: 0;
}

export interface Bins extends OfNothing {
  /** Epoch milliseconds of each bin's start, read as UTC. */
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
  readonly grain: Grain;
}

export interface Axis {
  readonly kind: 'time' | 'category';
  /** Bins of a time axis. */
  readonly grain?: Grain;
  /** The column's type, for labels: an instant is shown in the viewer's zone. */
  readonly type: FieldType['kind'];
}

export interface SeriesAnswer extends OfNothing {
  readonly kind: 'series';
  readonly axis: Axis;
  /** Bin starts in epoch milliseconds, or category values as text. */
  readonly x: readonly (number | string | null)[];
  readonly series: readonly Series[];
  /** The same without filters, behind the rest; absent where no filter applies. */
  readonly ghost?: readonly (number | null)[];
  /** Categories there are, where only the largest are shown. */
  readonly categories?: number;
}

export interface Series {
  /** The value of the colour column; undefined where there is none. */
  readonly name?: string | null;
  /** All values that have no series of their own. */
  readonly isOther?: boolean;
  readonly values: readonly (number | null)[];
}

export interface GridAnswer {
  readonly kind: 'grid';
  readonly columns: readonly { readonly name: string; readonly type: FieldType['kind'] }[];
  /** Values as `/v1/sql` writes them. */
  readonly rows: readonly (readonly unknown[])[];
  /** Rows that match, of which the first are here. */
  readonly rowCount: number;
}

export interface FailedAnswer {
  readonly kind: 'failed';
  readonly message: string;
}

/** What tells an open page that there is news. */
export interface DataVersion {
  /** Sequence number up to which each stream has records. */
  readonly streams: { readonly [name: string]: number };
  readonly tables: { readonly [name: string]: number };
  /** When the newest record of each stream was acknowledged, epoch ms; null before the first. */
  readonly newestMs: { readonly [name: string]: number | null };
  /** Rises with each change of the pipeline's definition. */
  readonly plan: number;
  /** Why the file as it is now is not what runs. */
  readonly problem: string | null;
}
