import { randomUUID } from 'node:crypto';
import { MillraceError } from '../../core/errors.ts';
import { changeShards, evenShards, forgetShards, type ShardMap } from '../shard-map.ts';
import type { LogSettings, SchemaVersion } from '../stream-store.ts';

/** `stream.json`: what a log says of itself, so that its folder can be read without anything else. */
export interface LogDescription {
  readonly epoch: string;
  /** The number that the definition asked for. */
  readonly shardsDefined: number;
  readonly shards: ShardMap;
  readonly schemas: readonly SchemaVersion[];
}

const FORMAT = 2;

/** Format 1 had a number of even shards. */
type Stored = { readonly epoch: string; readonly schemas: readonly SchemaVersion[] } & (
  | { readonly format: 1; readonly shards: number }
  | {
      readonly format: 2;
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
    return { epoch, schemas, shardsDefined: stored.shards, shards: evenShards(stored.shards) };
  if (stored.format === FORMAT)
    return {
      epoch,
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
    `${path} has format ${String(format)}; this version reads up to format ${FORMAT}. Use the version of millrace that wrote it.`,
  );
}

export function storedDescription(description: LogDescription): object {
  const { epoch, schemas, shardsDefined, shards } = description;
  const text = shards.map((shard) => ({
    ...shard,
    hashFrom: String(shard.hashFrom),
    hashLast: String(shard.hashLast),
  }));
  return { format: FORMAT, epoch, shardsDefined, shards: text, schemas };
}

export function newDescription({ shards }: LogSettings): LogDescription {
  return { epoch: randomUUID(), shardsDefined: shards, shards: evenShards(shards), schemas: [] };
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
  return { epoch: known.epoch, shardsDefined: shards, shards: kept, schemas };
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
