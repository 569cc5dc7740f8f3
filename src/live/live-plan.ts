import type { NamedField } from '../core/field-types.ts';
import type { DashboardState } from '../dashboard/state.ts';
import type { DashboardItem } from '../definition/chart.ts';

/** What the `live` child is told: dashboards with their sources' columns and every aggregate as SQL. */
export interface LivePlan {
  readonly sources: readonly LiveSource[];
  readonly dashboards: readonly LiveDashboard[];
}

export interface LiveSource {
  readonly name: string;
  readonly kind: 'stream' | 'table' | 'view';
  /** Of the relation that is read. */
  readonly schema: 'records' | 'lake' | 'warehouse';
  readonly columns: readonly NamedField[];
  /** The column that says when a row happened; absent where there is none. */
  readonly time?: string;
}

export interface LiveDashboard {
  readonly name: string;
  readonly items: readonly DashboardItem[];
  /** The aggregate of each chart that has one, by chart id. */
  readonly values: { readonly [chart: string]: string };
  /** The span shown before anyone chooses: `'all'` or one of the dashboard's period. */
  readonly period: string;
}

export interface DashboardRequest {
  readonly dashboard: string;
  readonly state: DashboardState;
  /** The field whose filter is being changed: its aggregates are kept ready. */
  readonly active?: string;
  /** Charts wanted; default all. */
  readonly charts?: readonly string[];
  /** Words that the choices of a `select` must have, by its field: of many values not all are listed. */
  readonly find?: { readonly [field: string]: string };
}
