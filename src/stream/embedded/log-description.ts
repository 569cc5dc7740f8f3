import { randomUUID } from 'node:crypto';
import { MillraceError } from '../../core/errors.ts';
import { changeShards, evenShards, forgetShards, type ShardMap } from '../shard-map.ts';
import type { LogPosition, LogSettings, SchemaVersion } from '../stream-store.ts';

/** `stream.json`: what a log says of itself, so that its folder can be read without anything else. */
export interface LogDescription {
  readonly epoch: string;
  /** As `StreamLog.lineage`. */
  readonly lineage: readonly LogPosition[];
  /** The number that the definition asked for. */
  readonly shardsDefined: number;
  readonly shards: ShardMap;
  readonly schemas: readonly SchemaVersion[];
}

const FORMAT = 2;
/** With a lineage: who does not know of it would take the log for another one. */
const LINEAGE_FORMAT = 3;

/** Format 1 had a number of even shards. */
type Stored = { readonly epoch: string; readonly schemas: readonly SchemaVersion[] } & (
  | { readonly format: 1; readonly shards: number }
  | {
      readonly format: 2 | 3;
      readonly lineage?: readonly LogPosition[];
      readonly shardsDefined: number;
      readonly shards: readonly {
        readonly id: number;
        readonly hashFrom: string;
        readonly hashLast: string;
        readonly parents: readonly number[];
        readonly openedAt: number;
        readonly closedAt: number | null;
      }[];
    }
);

/**
 * @param value of a sound file
 * @throws MillraceError MR_STORAGE_FORMAT for one of a later version
 */
export function parseDescription(path: string, value: object): LogDescription {
  const stored = value as Stored;
  const { epoch, schemas } = stored;
  if (stored.format === 1)
    return {
      epoch,
      lineage: [],
      schemas,
      shardsDefined: stored.shards,
      shards: evenShards(stored.shards),
    };
  if (stored.format === FORMAT || stored.format === LINEAGE_FORMAT)
    return {
      epoch,
      lineage: stored.lineage ?? [],
      schemas,
      shardsDefined: stored.shardsDefined,
      shards: stored.shards.map((shard) => ({
        ...shard,
        hashFrom: BigInt(shard.hashFrom),
        hashLast: BigInt(shard.hashLast),
      })),
    };
  const { format } = stored as { format: unknown };
  throw new MillraceError(
    'MR_STORAGE_FORMAT',
    `${path} has format ${String(format)}; this version reads up to format ${LINEAGE_FORMAT}. Use the version of millrace that wrote it.`,
  );
}

export function storedDescription(description: LogDescription): object {
  const { epoch, lineage, schemas, shardsDefined, shards } = description;
  const text = shards.map((shard) => ({
    ...shard,
    hashFrom: String(shard.hashFrom),
    hashLast: String(shard.hashLast),
  }));
  const rest = { shardsDefined, shards: text, schemas };
  return lineage.length === 0
    ? { format: FORMAT, epoch, ...rest }
    : { format: LINEAGE_FORMAT, epoch, lineage, ...rest };
}

export function newDescription({ shards }: LogSettings): LogDescription {
  return {
    epoch: randomUUID(),
    lineage: [],
    shardsDefined: shards,
    shards: evenShards(shards),
    schemas: [],
  };
}

/** The log once it was put back to where `next` is the number of its next record. */
export function putBack(known: LogDescription, next: number): LogDescription {
  const { epoch, lineage } = known;
  return { ...known, epoch: randomUUID(), lineage: [...lineage, { epoch, next }] };
}

/** What index entries carry: the epoch that the log began with. */
export function entriesEpoch({ epoch, lineage }: LogDescription): string {
  return lineage[0]?.epoch ?? epoch;
}

/** What the log is with the settings; the same object where nothing changes. */
export function withSettings(
  known: LogDescription,
  { schema, shards }: LogSettings,
  position: { readonly first: number; readonly next: number },
): LogDescription {
  const schemas = withSchema(known.schemas, schema);
  const resized =
    known.shardsDefined === shards
      ? known.shards
      : changeShards(known.shards, { count: shards }, position.next);
  const kept = forgetShards(resized, position.first);
  const isSame =
    known.shardsDefined === shards && schemas === known.schemas && kept === known.shards;
  if (isSame) return known;
  return { ...known, shardsDefined: shards, shards: kept, schemas };
}

function withSchema(
  schemas: readonly SchemaVersion[],
  { fields, unknown }: LogSettings['schema'],
): readonly SchemaVersion[] {
  const known = schemas.at(-1);
  if (known && JSON.stringify([known.fields, known.unknown]) === JSON.stringify([fields, unknown]))
    return schemas;
  return [...schemas, { version: (known?.version ?? 0) + 1, fields, unknown }];
}
