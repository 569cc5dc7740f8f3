/** How a table's files are grouped: an Iceberg partition transform of a field. */
export interface Partition<Name extends string = string> {
  readonly transform: 'identity' | 'year' | 'month' | 'day' | 'hour' | 'bucket' | 'truncate';
  readonly field: Name;
  /** Number of buckets, or width of truncate. */
  readonly size?: number;
}

type Plain = <const Name extends string>(field: Name) => Partition<Name>;
type Sized = <const Name extends string>(field: Name, size: number) => Partition<Name>;
const plain =
  (transform: Partition['transform']): Plain =>
  (field) =>
    Object.freeze({ transform, field });
const sized =
  (transform: Partition['transform']): Sized =>
  (field, size) =>
    Object.freeze({ transform, field, size });

export const identity: Plain = plain('identity');
export const year: Plain = plain('year');
export const month: Plain = plain('month');
export const day: Plain = plain('day');
export const hour: Plain = plain('hour');
/** Spreads values over `size` groups by Iceberg's hash. */
export const bucket: Sized = sized('bucket');
/** Groups by the first `size` characters, or by steps of `size` for numbers. */
export const truncate: Sized = sized('truncate');
