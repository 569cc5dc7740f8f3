import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { type Logger, silentLogger } from '../../src/core/logger.ts';
import { FolderRawZone } from '../../src/stream/embedded/folder-raw-zone.ts';
import { SegmentStreamStore } from '../../src/stream/embedded/segment-stream-store.ts';
import { NOT_GIVEN, PartitionKeys } from '../../src/stream/partition-keys.ts';
import type { RawZone } from '../../src/stream/raw-zone.ts';
import { readRuns } from '../../src/stream/run-reader.ts';
import type { LogSettings, RecordBatch, StreamLog } from '../../src/stream/stream-store.ts';

export const LOG_SETTINGS: LogSettings = {
  name: 'sales',
  shards: 4,
  retention: { ageMs: 60_000 },
  schema: { fields: [{ name: 'n', type: { kind: 'int' }, optional: false }], unknown: 'refuse' },
};

export interface StoreParts {
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly zoneAt?: (place: string) => RawZone;
}

export function storeOn(
  files: FileSystem,
  folder: string,
  {
    clock = systemClock,
    logger = silentLogger,
    zoneAt = (place) => new FolderRawZone({ files, folder: place }),
  }: StoreParts = {},
): SegmentStreamStore {
  const context = { files, clock, logger, onFatal: () => {} };
  return new SegmentStreamStore(folder, context, { zoneAt, cache: `${folder}-cache` });
}

/** A batch of lines; shard of line i is `shardOf(i)`. */
export function batchOf(
  lines: readonly string[],
  shardOf: (index: number) => number = () => 0,
  routing = 0,
  keys?: readonly string[],
): RecordBatch {
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  const starts = new Uint32Array(lines.length);
  const ends = new Uint32Array(lines.length);
  const shards = new Uint16Array(lines.length);
  let at = 0;
  lines.forEach((line, index) => {
    starts[index] = at;
    at += Buffer.byteLength(line);
    ends[index] = at;
    at += 1;
    shards[index] = shardOf(index);
  });
  return { bytes, count: lines.length, starts, ends, shards, routing, keys };
}

export interface StoredRecord {
  readonly line: string;
  readonly sequence: number;
  readonly shard: number;
  /** The partition key its producer gave, '' for none; undefined where it is damaged. */
  readonly key: string | undefined;
}

/** Everything a reader sees, in the order of the log; damage as text. */
export async function readAll(
  log: StreamLog,
  files: FileSystem,
  from = 0,
): Promise<{ records: StoredRecord[]; damage: string[] }> {
  const records: StoredRecord[] = [];
  const damage: string[] = [];
  const keys = new PartitionKeys();
  for await (const run of readRuns(
    files,
    await log.slices(from, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  )) {
    if (run.damage !== undefined) {
      damage.push(run.damage);
      continue;
    }
    const lines = run.bytes.toString().split('\n').slice(0, -1);
    for (const [index, line] of lines.entries()) {
      const key = run.keys ? await keys.of(files, run.keys, index) : NOT_GIVEN;
      records.push({ line, sequence: run.firstSequence + index, shard: run.shard, key });
    }
  }
  return { records, damage };
}
