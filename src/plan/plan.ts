import type { DashboardSettings } from '../definition/dashboard.ts';
import type { EndpointSettings } from '../definition/endpoint.ts';
import type { LookupSettings } from '../definition/lookup.ts';
import type { ModelSettings } from '../definition/model.ts';
import type { StreamSettings } from '../definition/stream.ts';

/**
 * The compiled pipeline: a checked, frozen, JSON-serialisable graph. Runtime, catalog, page and
 * `millrace plan` read this, never the user's objects.
 */
export interface Plan {
  readonly format: 1;
  readonly streams: readonly StreamPlan[];
  readonly lookups: readonly LookupPlan[];
  /** In an order in which each comes after those it reads. */
  readonly models: readonly ModelPlan[];
  readonly dashboards: readonly DashboardPlan[];
  readonly endpoints: readonly EndpointPlan[];
}

export interface StreamPlan extends StreamSettings {
  readonly name: string;
}

export interface LookupPlan extends LookupSettings {
  readonly name: string;
  readonly from: string;
}

export interface ModelPlan extends ModelSettings {
  readonly name: string;
  /** Names of the streams and models its query refers to as values. */
  readonly inputs: readonly string[];
}

export interface DashboardPlan extends DashboardSettings {
  readonly name: string;
}

/** Its parameters are in the query as values of their types. */
export interface EndpointPlan extends EndpointSettings {
  readonly name: string;
}

export const EMPTY_PLAN: Plan = Object.freeze({
  format: 1,
  streams: [],
  lookups: [],
  models: [],
  dashboards: [],
  endpoints: [],
});
