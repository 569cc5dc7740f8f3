import { MillraceError } from '../../core/errors.ts';
import type { Partition } from '../../definition/partition.ts';
import { quoteIdentifier } from '../../plan/render-sql.ts';
import type { IcebergField, PartitionField, PartitionSpec, TableMetadata } from './metadata.ts';
import { duckdbTypeOf, fieldNamed, typeOfPart } from './schema.ts';

/** Partition transforms (Iceberg specification, "Partition Transforms"), computed by DuckDB. */

const FIRST_PARTITION_ID = 1000;

/**
 * The spec of a definition's partitions; fields known from earlier specs keep their ids.
 * @param fields as the definition calls them
 * @param taken names of the table's columns
 */
export function partitionSpec(
  partitions: readonly Partition[],
  fields: readonly IcebergField[],
  taken: readonly string[],
  earlier: readonly PartitionSpec[],
): PartitionSpec {
  const known = earlier.flatMap((spec) => spec.fields);
  let last = Math.max(FIRST_PARTITION_ID - 1, ...known.map((field) => field['field-id']));
  const parts = partitions.map((partition): PartitionField => {
    const source = fieldNamed(fields, partition.field);
    const transform =
      partition.size === undefined
        ? partition.transform
        : `${partition.transform}[${partition.size}]`;
    const twin = known.find(
      (field) => field['source-id'] === source.id && field.transform === transform,
    );
    if (twin) return twin;
    last += 1;
    const name = freeName(partition, taken);
    return { 'source-id': source.id, 'field-id': last, name, transform };
  });
  const same = earlier.find((spec) => JSON.stringify(spec.fields) === JSON.stringify(parts));
  return (
    same ?? {
      'spec-id': Math.max(-1, ...earlier.map((spec) => spec['spec-id'])) + 1,
      fields: parts,
    }
  );
}

/** Readers refuse a partition that is named like a column, unless it is that column itself. */
function freeName({ transform, field, size }: Partition, taken: readonly string[]): string {
  if (transform === 'identity') return field;
  const name = [field, transform, size].filter((part) => part !== undefined).join('_');
  return taken.includes(name) ? `${name}_partition` : name;
}

/**
 * The DuckDB expression of a partition value: null where the rows have no such column.
 * @param fields columns of the rows
 */
export function partitionExpression(
  field: PartitionField,
  fields: readonly IcebergField[],
): string {
  const source = fields.find((candidate) => candidate.id === field['source-id']);
  if (!source) return `NULL::${duckdbTypeOf(partitionType(field, fields))}`;
  const column = quoteIdentifier(source.name);
  const type = typeof source.type === 'string' ? source.type : '';
  const [transform, size = 0] = splitTransform(field.transform);
  // A zone would shift the day; instants are cut in UTC, which every child runs in.
  switch (transform) {
    case 'identity':
      return column;
    case 'year':
      return `(year(${column}) - 1970)::INTEGER`;
    case 'month':
      return `((year(${column}) - 1970) * 12 + month(${column}) - 1)::INTEGER`;
    case 'day':
      return `${column}::DATE`;
    case 'hour':
      return `(${stepBelow(`epoch_us(${column})`, HOUR_MICROS)} // ${HOUR_MICROS})::INTEGER`;
    case 'truncate':
      return type === 'string' ? `left(${column}, ${size})` : truncated(column, type, size);
    case 'bucket':
      return `((${bucketHash(column, type)} & 2147483647) % ${size})::INTEGER`;
    case 'void':
      return `NULL::${duckdbTypeOf(type)}`;
    default:
      throw new MillraceError(
        'MR_TABLE_UNSUPPORTED',
        `Partition transform ${field.transform} is not known. Known are identity, year, month, day, hour, bucket, truncate and void.`,
      );
  }
}

const HOUR_MICROS = '3600000000';

/** The greatest multiple of `step` that is not above the value; `%` has the sign of the value. */
function stepBelow(value: string, step: string): string {
  return `(${value} - (((${value} % ${step}) + ${step}) % ${step}))`;
}

/** The width of a decimal counts its last digits: 50 cuts 10.65 to 10.50. */
function truncated(column: string, type: string, size: number): string {
  const scale = Number(/^decimal\(\d+,\s*(\d+)\)$/.exec(type)?.[1] ?? 0);
  const digits = String(size).padStart(scale + 1, '0');
  const width = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  // Below the least values of a type there is no multiple that it can hold: these go to the null
  // partition, as a delivery that fails would stop all that follow.
  return `TRY(${stepBelow(column, width)})`;
}

/** Functions that the engine registers; each takes what Iceberg hashes in one form. */
export const HASH_FUNCTIONS = Object.freeze({
  long: 'iceberg_hash_long',
  bytes: 'iceberg_hash_bytes',
  decimal: 'iceberg_hash_decimal',
});

function bucketHash(column: string, type: string): string {
  const { long, bytes, decimal } = HASH_FUNCTIONS;
  switch (type) {
    case 'int':
    case 'long':
      return `${long}(${column}::BIGINT)`;
    case 'date':
      return `${long}(datediff('day', DATE '1970-01-01', ${column})::BIGINT)`;
    case 'timestamp':
    case 'timestamptz':
      return `${long}(epoch_us(${column}))`;
    case 'string':
      return `${bytes}(encode(${column}))`;
    case 'uuid':
      return `${bytes}(unhex(replace(${column}::VARCHAR, '-', '')))`;
    case 'binary':
      return `${bytes}(${column})`;
    default:
      return `${decimal}(${column}::VARCHAR)`;
  }
}

function splitTransform(transform: string): [string, number | undefined] {
  const match = /^(\w+)(?:\[(\d+)\])?$/.exec(transform);
  return [match?.[1] ?? transform, match?.[2] === undefined ? undefined : Number(match[2])];
}

/** The Iceberg type of a partition value. */
export function partitionType(field: PartitionField, fields: readonly IcebergField[]): string {
  const [transform] = splitTransform(field.transform);
  if (transform === 'day') return 'date';
  if (transform !== 'identity' && transform !== 'truncate' && transform !== 'void') return 'int';
  const source = typeOfPart(fields, field['source-id']);
  return typeof source === 'string' ? source : 'string';
}

/**
 * What files are sorted by, of the table's sort order. What it says of columns that the rows have not is left
 * out, and the files are not of that order then.
 */
export function sortedBy(
  metadata: TableMetadata,
  fields: readonly IcebergField[],
): { readonly sortBy: string; readonly sortOrderId: number } {
  const order = metadata['sort-orders'].find(
    (one) => one['order-id'] === metadata['default-sort-order-id'],
  );
  const sorts = order?.fields ?? [];
  const known = sorts.filter((sort) => fields.some(({ id }) => id === sort['source-id']));
  const parts = known.map((sort) => {
    const value = partitionExpression({ ...sort, 'field-id': 0, name: '' }, fields);
    const nulls = sort['null-order'] === 'nulls-first' ? 'NULLS FIRST' : 'NULLS LAST';
    return `${value} ${sort.direction} ${nulls}`;
  });
  const isWhole = order !== undefined && known.length === sorts.length;
  return { sortBy: parts.join(', '), sortOrderId: isWhole ? order['order-id'] : 0 };
}
