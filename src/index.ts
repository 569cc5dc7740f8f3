/** The public entry: what a `pipeline.ts` imports. */

export type { ErrorCode } from './core/error-codes.ts';
export { MillraceError } from './core/errors.ts';
export type { Chart, ChartBuilders, DashboardItem } from './definition/chart.ts';
export { type Check, type CheckOptions, check } from './definition/check.ts';
export { type Dashboard, dashboard } from './definition/dashboard.ts';
export {
  type Endpoint,
  type EndpointOptions,
  type EndpointRows,
  endpoint,
} from './definition/endpoint.ts';
export { type Field, type Fields, field } from './definition/field.ts';
export type { FilesOptions } from './definition/files.ts';
export type { Row } from './definition/infer.ts';
export { type Lookup, type LookupOptions, lookup, sequence } from './definition/lookup.ts';
export { type Model, type ModelOptions, type ModelRows, model } from './definition/model.ts';
export {
  bucket,
  day,
  hour,
  identity,
  month,
  type Partition,
  truncate,
  year,
} from './definition/partition.ts';
export { desc, type Sort } from './definition/sort.ts';
export { type FieldReference, type Sql, sql } from './definition/sql.ts';
export { type Stream, type StreamOptions, stream, type TableOptions } from './definition/stream.ts';
