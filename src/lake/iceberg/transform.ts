import { MillraceError } from '../../core/errors.ts';
import type { Partition } from '../../definition/partition.ts';
import { quoteIdentifier } from '../../plan/render-sql.ts';
import type { IcebergSchema, PartitionField, PartitionSpec } from './metadata.ts';
import { fieldNamed } from './schema.ts';

/** Partition transforms (Iceberg specification, "Partition Transforms"), computed by DuckDB. */

const FIRST_PARTITION_ID = 1000;

/** The spec of a definition's partitions; fields known from earlier specs keep their ids. */
export function partitionSpec(
  partitions: readonly Partition[],
  schema: IcebergSchema,
  earlier: readonly PartitionSpec[],
): PartitionSpec {
  const known = earlier.flatMap((spec) => spec.fields);
  let last = Math.max(FIRST_PARTITION_ID - 1, ...known.map((field) => field['field-id']));
  const fields = partitions.map((partition): PartitionField => {
    const source = fieldNamed(schema, partition.field);
    const transform =
      partition.size === undefined
        ? partition.transform
        : `${partition.transform}[${partition.size}]`;
    const twin = known.find(
      (field) => field['source-id'] === source.id && field.transform === transform,
    );
    if (twin) return twin;
    last += 1;
    const name =
      partition.transform === 'identity'
        ? partition.field
        : `${partition.field}_${partition.transform}`;
    return { 'source-id': source.id, 'field-id': last, name, transform };
  });
  const same = earlier.find((spec) => JSON.stringify(spec.fields) === JSON.stringify(fields));
  return same ?? { 'spec-id': Math.max(-1, ...earlier.map((spec) => spec['spec-id'])) + 1, fields };
}

/** The DuckDB expression of a partition value. */
export function partitionExpression(field: PartitionField, schema: IcebergSchema): string {
  const source = schema.fields.find((candidate) => candidate.id === field['source-id']);
  const column = quoteIdentifier(source?.name ?? '');
  const [transform, size] = splitTransform(field.transform);
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
      return `floor(epoch_us(${column}) / 3600000000)::INTEGER`;
    case 'truncate':
      return source?.type === 'string'
        ? `left(${column}, ${size})`
        : `(${column} - (((${column} % ${size}) + ${size}) % ${size}))`;
    default:
      throw new MillraceError(
        'MR_TABLE_UNSUPPORTED',
        `Partition transform ${field.transform} is not supported yet. Use identity, year, month, day, hour or truncate.`,
      );
  }
}

function splitTransform(transform: string): [string, number | undefined] {
  const match = /^(\w+)(?:\[(\d+)\])?$/.exec(transform);
  return [match?.[1] ?? transform, match?.[2] === undefined ? undefined : Number(match[2])];
}

/** The Iceberg type of a partition value. */
export function partitionType(field: PartitionField, schema: IcebergSchema): string {
  const [transform] = splitTransform(field.transform);
  if (transform === 'day') return 'date';
  if (transform === 'identity' || transform === 'truncate') {
    const source = schema.fields.find((candidate) => candidate.id === field['source-id']);
    return typeof source?.type === 'string' ? source.type : 'string';
  }
  return 'int';
}
