import type { DataFile } from './manifest.ts';
import type { IcebergSchema, PartitionSpec } from './metadata.ts';
import { partitionType } from './transform.ts';

/** What a manifest list says of the partitions in a manifest (specification, "Field Summary"): readers skip by it. */
export interface FieldSummary {
  readonly contains_null: boolean;
  readonly contains_nan: boolean | null;
  readonly lower_bound: Buffer | null;
  readonly upper_bound: Buffer | null;
}

/** Null where a value has no bytes here: readers take a missing bound for "only nulls". */
export function partitionSummaries(
  files: readonly DataFile[],
  spec: PartitionSpec,
  schema: IcebergSchema,
): readonly FieldSummary[] | null {
  const summaries: FieldSummary[] = [];
  for (const field of spec.fields) {
    const summary = summaryOf(
      files.map((file) => file.partition[field.name] ?? null),
      partitionType(field, schema.fields),
    );
    if (!summary) return null;
    summaries.push(summary);
  }
  return summaries;
}

function summaryOf(values: readonly unknown[], type: string): FieldSummary | undefined {
  const form = FORMS[type];
  if (!form) return undefined;
  let lower: unknown = null;
  let upper: unknown = null;
  for (const value of values) {
    if (value === null) continue;
    if (lower === null || form.compare(value, lower) < 0) lower = value;
    if (upper === null || form.compare(value, upper) > 0) upper = value;
  }
  return {
    contains_null: values.includes(null),
    contains_nan: false,
    lower_bound: lower === null ? null : form.bytes(lower),
    upper_bound: upper === null ? null : form.bytes(upper),
  };
}

interface Form {
  compare(a: unknown, b: unknown): number;
  bytes(value: unknown): Buffer;
}

const byOrder = (a: unknown, b: unknown): number => {
  const [left, right] = [a as number | bigint, b as number | bigint];
  return left < right ? -1 : left > right ? 1 : 0;
};

function fixed(size: number, write: (buffer: Buffer, value: never) => void): Form {
  return {
    compare: byOrder,
    bytes: (value) => {
      const buffer = Buffer.alloc(size);
      write(buffer, value as never);
      return buffer;
    },
  };
}

const INT = fixed(4, (buffer, value: number) => buffer.writeInt32LE(value));
const LONG = fixed(8, (buffer, value: bigint) => buffer.writeBigInt64LE(value));

const FORMS: { readonly [type: string]: Form | undefined } = {
  boolean: {
    compare: (a, b) => Number(a) - Number(b),
    bytes: (value) => Buffer.from([value === true ? 1 : 0]),
  },
  int: INT,
  date: INT,
  long: LONG,
  timestamp: LONG,
  timestamptz: LONG,
  string: {
    compare: (a, b) => Buffer.compare(Buffer.from(a as string), Buffer.from(b as string)),
    bytes: (value) => Buffer.from(value as string),
  },
};
