import { crc32 } from 'node:zlib';
import { SECTOR_BYTES } from '../../core/file-system.ts';
import { SAME_KEY } from '../partition-keys.ts';
import type { KeyedRequest, Placement, RecordBatch } from '../stream-store.ts';
import type { CommitRun } from './index-format.ts';

const NEWLINE = 10;

/** One append waiting for its commit. */
export interface PendingAppend {
  readonly batch: RecordBatch;
  readonly request: KeyedRequest | undefined;
  /** Bytes and records per shard, newlines included. */
  readonly bytesByShard: Float64Array;
  readonly countByShard: Float64Array;
  readonly bytes: number;
  resolve(placements: readonly Placement[]): void;
  reject(error: unknown): void;
}

/** Bytes and records of the batch per shard, so that a commit can be laid out before any copying. */
export function measure(
  batch: RecordBatch,
  shards: number,
): Pick<PendingAppend, 'bytesByShard' | 'countByShard' | 'bytes'> {
  const bytesByShard = new Float64Array(shards);
  const countByShard = new Float64Array(shards);
  let bytes = 0;
  for (let index = 0; index < batch.count; index++) {
    const shard = batch.shards[index] as number;
    const length = (batch.ends[index] as number) - (batch.starts[index] as number) + 1;
    bytesByShard[shard] = (bytesByShard[shard] as number) + length;
    countByShard[shard] = (countByShard[shard] as number) + 1;
    bytes += length;
  }
  return { bytesByShard, countByShard, bytes };
}

/** A run but for where its partition keys come to lie. */
export type LaidRun = Omit<CommitRun, 'keysPosition' | 'keysLength' | 'keysCrc'>;

export interface CommitLayout {
  readonly runs: readonly LaidRun[];
  readonly records: number;
  /** Bytes with padding. */
  readonly dataLength: number;
  readonly placements: readonly (readonly Placement[])[];
}

/**
 * Copies the batches into `target` grouped by shard (`shardIds` by place in the routing), each run padded with newlines to a sector, and
 * says where everything went. `dataPosition` is where `target` will lie in the segment.
 */
export function layOut(
  target: Buffer,
  appends: readonly PendingAppend[],
  shardIds: readonly number[],
  dataPosition: number,
  firstSequence: number,
): CommitLayout {
  const shards = shardIds.length;
  const cursors = new Float64Array(shards);
  const sequences = new Float64Array(shards);
  const planned: { shard: number; count: number; start: number; length: number; first: number }[] =
    [];
  let end = 0;
  let sequence = firstSequence;
  for (let shard = 0; shard < shards; shard++) {
    const length = sum(appends, (append) => append.bytesByShard[shard] as number);
    const count = sum(appends, (append) => append.countByShard[shard] as number);
    if (count === 0) continue;
    cursors[shard] = end;
    sequences[shard] = sequence;
    planned.push({ shard: shardIds[shard] as number, count, start: end, length, first: sequence });
    const padded = Math.ceil(length / SECTOR_BYTES) * SECTOR_BYTES;
    target.fill(NEWLINE, end + length, end + padded);
    end += padded;
    sequence += count;
  }
  const placements = appends.map((append) => place(append, sequences, shardIds));
  for (const { batch } of appends) copyRecords(target, batch, cursors);
  const runs = planned.map((run) => ({
    shard: run.shard,
    count: run.count,
    position: dataPosition + run.start,
    length: run.length,
    crc: crc32(target.subarray(run.start, run.start + run.length)),
    firstSequence: run.first,
  }));
  return { runs, records: sequence - firstSequence, dataLength: end, placements };
}

/**
 * The partition keys of each run, a line of JSON for each of its records in their order; an empty text for runs
 * whose producers gave none. `shards`: how many the routing has.
 */
export function keyLines(appends: readonly PendingAppend[], shards: number): string[] {
  const lines = new Array<string>(shards).fill('');
  const last = new Array<string | undefined>(shards);
  const hasKeys = new Set<number>();
  for (const { batch } of appends)
    for (let index = 0; index < batch.count; index++) {
      const shard = batch.shards[index] as number;
      const key = batch.keys?.[index];
      lines[shard] += key ? `${key === last[shard] ? SAME_KEY : JSON.stringify(key)}\n` : '\n';
      last[shard] = key;
      if (key) hasKeys.add(shard);
    }
  return lines
    .map((keys, shard) => (hasKeys.has(shard) ? keys : ''))
    .filter((_, shard) => appends.some(({ countByShard }) => (countByShard[shard] as number) > 0));
}

function sum(appends: readonly PendingAppend[], value: (append: PendingAppend) => number): number {
  let total = 0;
  for (const append of appends) total += value(append);
  return total;
}

function place(
  append: PendingAppend,
  sequences: Float64Array,
  shardIds: readonly number[],
): Placement[] {
  const placements: Placement[] = [];
  append.countByShard.forEach((count, shard) => {
    if (count === 0) return;
    const first = sequences[shard] as number;
    placements.push({ shard: shardIds[shard] as number, first, last: first + count - 1, count });
    sequences[shard] = first + count;
  });
  return placements;
}

/** Neighbours that stay neighbours are copied in one go: with one shard that is the whole request. */
function copyRecords(target: Buffer, batch: RecordBatch, cursors: Float64Array): void {
  const { bytes, count, starts, ends, shards } = batch;
  let index = 0;
  while (index < count) {
    const shard = shards[index] as number;
    const start = starts[index] as number;
    let end = ends[index] as number;
    let next = index + 1;
    while (
      next < count &&
      shards[next] === shard &&
      starts[next] === end + 1 &&
      bytes[end] === NEWLINE
    ) {
      end = ends[next] as number;
      next += 1;
    }
    const cursor = cursors[shard] as number;
    bytes.copy(target, cursor, start, end);
    target[cursor + end - start] = NEWLINE;
    cursors[shard] = cursor + end - start + 1;
    index = next;
  }
}

/** Bytes a commit of these appends takes at most. */
export function commitBytesMax(bytes: number, shards: number): number {
  return bytes + shards * SECTOR_BYTES;
}
