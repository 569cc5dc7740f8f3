import { randomUUID } from 'node:crypto';
import { MillraceError } from '../../core/errors.ts';
import { changeShards, evenShards, forgetShards, type ShardMap } from '../shard-map.ts';
import type { LogSettings, SchemaVersion } from '../stream-store.ts';
import { checkedJson, readCheckedJson } from './checked-json.ts';

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

/** @throws MillraceError MR_STORAGE_FORMAT for a file of a later version, or a broken one */
export function parseDescription(path: string, bytes: Buffer): LogDescription {
  const stored = readCheckedJson(
    path,
    bytes,
    'Restore it from a backup: without it the segments beside it cannot be read for sure.',
  ) as Stored;
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

export function describeLog({ epoch, schemas, shardsDefined, shards }: LogDescription): string {
  const text = shards.map((shard) => ({
    ...shard,
    hashFrom: String(shard.hashFrom),
    hashLast: String(shard.hashLast),
  }));
  return checkedJson({ format: FORMAT, epoch, shardsDefined, shards: text, schemas });
}

/** What the log is with the settings; the same object where nothing changes. */
export function withSettings(
  stored: LogDescription | undefined,
  { schema, shards }: LogSettings,
  position: { readonly first: number; readonly next: number },
): LogDescription {
  const fresh: LogDescription = stored ?? {
    epoch: randomUUID(),
    shardsDefined: shards,
    shards: evenShards(shards),
    schemas: [],
  };
  const schemas = withSchema(fresh.schemas, schema);
  const resized =
    fresh.shardsDefined === shards
      ? fresh.shards
      : changeShards(fresh.shards, { count: shards }, position.next);
  const kept = forgetShards(resized, position.first);
  if (stored && schemas === stored.schemas && kept === stored.shards && resized === stored.shards)
    return stored;
  return { epoch: fresh.epoch, shardsDefined: shards, shards: kept, schemas };
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
