import { MillraceError } from '../../src/core/errors.ts';
import type { LogSettings, StreamLog } from '../../src/stream/stream-store.ts';
import { type FaultFileSystem, seededRandom } from '../support/fault-file-system.ts';
import { batchOf, LOG_SETTINGS, readAll, type StoredRecord, storeOn } from '../support/stream.ts';

/** The life of a log under faults: appends, requests with keys, a roll by a new schema, retention, restarts. */

const SHARDS = LOG_SETTINGS.shards;
const RETENTION_MS = 60_000;
const START_MS = 1_000_000;
export const NEXT_SCHEMA: LogSettings = {
  ...LOG_SETTINGS,
  schema: {
    ...LOG_SETTINGS.schema,
    fields: [
      ...LOG_SETTINGS.schema.fields,
      { name: 'm', type: { kind: 'string' }, optional: true },
    ],
  },
};

export interface Life {
  /** By line. */
  readonly acknowledged: Map<string, { readonly sequence: number; readonly shard: number }>;
  readonly tried: Set<string>;
  /** Told to be refused by a full disk: the client sends them again. */
  readonly refused: Set<string>;
  /** Keys of acknowledged requests, with their answers. */
  readonly answers: Map<string, { readonly answer: string; readonly line: string }>;
  /** Retention may have removed records below. */
  passed: number;
}

export interface LogDisk {
  readonly files: FaultFileSystem;
  nowMs: number;
}

const openOn = (disk: LogDisk, settings: LogSettings): Promise<StreamLog> =>
  storeOn(disk.files, '/data', { clock: { now: () => disk.nowMs, after: () => () => {} } }).open(
    settings,
  );

/** Plays the life until its end or its first error; a full disk is told and passed over. */
export async function live(disk: LogDisk, seed: number): Promise<Life> {
  const life: Life = {
    acknowledged: new Map(),
    tried: new Set(),
    refused: new Set(),
    answers: new Map(),
    passed: 0,
  };
  const random = seededRandom(seed);
  try {
    await appendRounds(await openOn(disk, LOG_SETTINGS), life, { random, name: 'a', rounds: 5 });
    const log = await openOn(disk, NEXT_SCHEMA);
    await appendRounds(log, life, { random, name: 'b', rounds: 4, keepOpen: true });
    log.setConsumer('table', log.nextSequence - 1);
    life.passed = log.nextSequence - 1;
    disk.nowMs += RETENTION_MS * 2;
    await log.trim();
    await appendRounds(log, life, { random, name: 'c', rounds: 2 });
    const last = await openOn(disk, NEXT_SCHEMA);
    await appendRounds(last, life, { random, name: 'd', rounds: 2, keepOpen: true });
  } catch (error) {
    // What a client or an operator is told; the process ends and is started again.
    if (!(error instanceof Error)) throw error;
  }
  return life;
}

export const newDisk = (files: FaultFileSystem): LogDisk => ({ files, nowMs: START_MS });

interface Rounds {
  readonly random: () => number;
  readonly name: string;
  readonly rounds: number;
  readonly keepOpen?: boolean;
}

async function appendRounds(log: StreamLog, life: Life, options: Rounds): Promise<void> {
  const { random, name, rounds } = options;
  for (let round = 0; round < rounds; round++) {
    const isKeyed = random() < 0.5;
    const batches = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, batch) =>
      Array.from(
        { length: 1 + Math.floor(random() * 9) },
        (_, index) => `{"n":${round * 1000 + batch * 100 + index},"m":"${name}"}`,
      ),
    );
    const shards = batches.map((lines) => lines.map(() => Math.floor(random() * SHARDS)));
    const appends = batches.map((lines, batch) =>
      append(log, life, {
        lines,
        shards: shards[batch] as number[],
        key: isKeyed ? `${name}-${round}-${batch}` : undefined,
      }),
    );
    // All of them: none may still be writing when the next life begins.
    for (const outcome of await Promise.allSettled(appends))
      if (outcome.status === 'rejected') throw outcome.reason;
  }
  if (!options.keepOpen) await log.close();
}

interface Sent {
  readonly lines: readonly string[];
  readonly shards: readonly number[];
  readonly key: string | undefined;
}

async function append(log: StreamLog, life: Life, { lines, shards, key }: Sent): Promise<void> {
  for (const line of lines) life.tried.add(line);
  const answer = `{"accepted":${lines.length}}`;
  const request = key === undefined ? undefined : { key, bodyHash: 'h', answer: () => answer };
  try {
    const placements = await log.append(
      batchOf(lines, (index) => shards[index] as number),
      request,
    );
    const next = new Map(placements.map(({ shard, first }) => [shard, first]));
    lines.forEach((line, index) => {
      const shard = shards[index] as number;
      const sequence = next.get(shard) as number;
      life.acknowledged.set(line, { sequence, shard });
      next.set(shard, sequence + 1);
    });
    if (key !== undefined) life.answers.set(key, { answer, line: lines[0] as string });
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'MR_STORAGE_FULL') throw error;
    for (const line of lines) life.refused.add(line);
  }
}

/** Opens the log after a restart and holds it against what was acknowledged. */
export async function checkLife(disk: LogDisk, life: Life): Promise<string[]> {
  disk.files.restart();
  const log = await openOn(disk, NEXT_SCHEMA);
  const { records, damage } = await readAll(log, disk.files);
  const next = log.nextSequence;
  const [placement] = await log.append(batchOf(['{"n":-1}']));
  return [
    ...missing(life, records, log.firstSequence),
    ...unknown(life, records),
    ...order(records, { first: log.firstSequence, next }),
    ...(await lostAnswers(life, log, new Set(records.map(({ line }) => line)))),
    ...[...damage, ...log.status().damaged].map((place) => `damage: ${place}`),
    ...(placement?.first === next ? [] : [`the next record is ${placement?.first}, not ${next}`]),
  ];
}

function missing(life: Life, records: readonly StoredRecord[], first: number): string[] {
  const stored = new Map(records.map((record) => [record.line, record]));
  const problems = first > life.passed ? [`retention removed ${life.passed} to ${first - 1}`] : [];
  for (const [line, { sequence, shard }] of life.acknowledged) {
    const found = stored.get(line);
    if (found?.sequence === sequence && found.shard === shard) continue;
    if (found) problems.push(`moved ${line}`);
    else if (sequence >= first) problems.push(`lost ${line}`);
  }
  return problems;
}

function unknown(life: Life, records: readonly StoredRecord[]): string[] {
  const lines = records.map(({ line }) => line);
  return [
    ...lines.filter((line) => !life.tried.has(line)).map((line) => `unknown ${line}`),
    ...lines.filter((line) => life.refused.has(line)).map((line) => `refused and stored ${line}`),
    ...(new Set(lines).size === lines.length ? [] : ['doubled']),
  ];
}

function order(
  records: readonly StoredRecord[],
  { first, next }: { first: number; next: number },
): string[] {
  const gaps = records.filter(({ sequence }, index) => sequence !== first + index);
  const isWhole = records.length === next - first;
  return [
    ...gaps.slice(0, 1).map(({ sequence }) => `gap at ${sequence}`),
    ...(isWhole ? [] : [`${records.length} records from ${first} to ${next}`]),
  ];
}

async function lostAnswers(
  life: Life,
  log: StreamLog,
  stored: ReadonlySet<string>,
): Promise<string[]> {
  const problems: string[] = [];
  for (const [key, { answer, line }] of life.answers)
    if (stored.has(line) && (await log.answered(key, 'h')) !== answer)
      problems.push(`key ${key} has lost its answer`);
  return problems;
}
