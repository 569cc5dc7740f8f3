import { isUtf8 } from 'node:buffer';
import type { NamedField } from '../core/field-types.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { Rejected } from '../ingest/piece.ts';
import type { Plan, StreamPlan } from '../plan/plan.ts';
import { RUN, RUN_COLUMNS } from '../stream/run-columns.ts';
import { readRuns } from '../stream/run-reader.ts';
import type { LogSlice, StreamLog } from '../stream/stream-store.ts';

/** Dead letters are records of a log of their own, so they are as durable as what was accepted. */
const text = (name: string, optional: boolean): NamedField => ({
  name,
  type: { kind: 'string' },
  optional,
});

export const DEAD_LETTER_FIELDS: readonly NamedField[] = Object.freeze([
  text('code', false),
  text('field', true),
  text('message', false),
  { ...text('record', true), description: 'The record as it was sent, where it is UTF-8.' },
  {
    name: 'bytes',
    type: { kind: 'binary' },
    optional: true,
    description: 'The record as it was sent, where it is not UTF-8.',
  },
  {
    ...text('producer', true),
    description: 'Who sent it: the id of a key, or the name of a user.',
  },
]);

/** Numbers of letters that were sent again, on a record that is no letter itself. */
const SETTLES: NamedField = {
  name: 'settles',
  type: { kind: 'list', element: { type: { kind: 'long' }, optional: false } },
  optional: true,
};

/** What the log of dead letters holds. */
export const DEAD_LETTER_LOG: readonly NamedField[] = Object.freeze([
  ...DEAD_LETTER_FIELDS,
  SETTLES,
]);

/** Streams that ask for it, and those with lookups: a key can be too long for its lookup. */
export function keepsDeadLetters(stream: StreamPlan, plan: Plan): boolean {
  return (
    stream.invalid === 'deadletter' || plan.lookups.some((lookup) => lookup.from === stream.name)
  );
}

export type Letter = Pick<Rejected, 'code' | 'field' | 'message' | 'bytes'>;

/** Letters are in one shard; what says that they were sent again is in another, found without reading letters. */
export const DEAD_LETTER_SHARDS = 2;
const LETTERS = 0;
const SETTLED = 1;

/** The dead letters of a stream: kept, counted, and settled once they were sent again. */
export class DeadLetters {
  readonly log: StreamLog;
  readonly #files: FileSystem;
  #outstanding = 0;

  private constructor(log: StreamLog, files: FileSystem) {
    this.log = log;
    this.#files = files;
  }

  static async open(log: StreamLog, files: FileSystem): Promise<DeadLetters> {
    const letters = new DeadLetters(log, files);
    await letters.#count();
    return letters;
  }

  /** Letters that are kept and were not sent again. */
  get outstanding(): number {
    return this.#outstanding;
  }

  async store(letters: readonly Letter[], producer?: string): Promise<void> {
    await this.#append(
      letters.map((letter) => letterLine(letter, producer)),
      LETTERS,
    );
    this.#outstanding += letters.length;
  }

  /** The letters with these numbers were sent again, and are no letters any more. */
  async settle(sequences: readonly number[]): Promise<void> {
    if (sequences.length === 0) return;
    const line = JSON.stringify({ code: 'MR_REDRIVEN', message: '', settles: sequences });
    await this.#append([line], SETTLED);
    this.#outstanding -= sequences.length;
  }

  /** Removes letters past their retention. Returns how many segments went. */
  async trim(): Promise<number> {
    const removed = await this.log.trim();
    if (removed > 0) await this.#count();
    return removed;
  }

  async #append(lines: readonly string[], shard: number): Promise<void> {
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    const starts = new Uint32Array(lines.length);
    const ends = new Uint32Array(lines.length);
    let at = 0;
    for (const [index, line] of lines.entries()) {
      starts[index] = at;
      at += Buffer.byteLength(line);
      ends[index] = at;
      at += 1;
    }
    await this.log.append({
      bytes,
      count: lines.length,
      starts,
      ends,
      shards: new Uint16Array(lines.length).fill(shard),
      routing: this.log.routing.version,
    });
  }

  async #count(): Promise<void> {
    const { log } = this;
    const settledShard = log.routing.open[SETTLED]?.id as number;
    const { firstSequence, nextSequence } = log;
    const slices = await log.slices(firstSequence, nextSequence, Number.MAX_SAFE_INTEGER);
    let outstanding = 0;
    const settling: LogSlice[] = [];
    for (const slice of slices) {
      const { runs } = slice;
      for (let at = 0; at < runs.length; at += RUN_COLUMNS)
        if (runs[at + RUN.shard] === settledShard)
          settling.push({ ...slice, runs: runs.subarray(at, at + RUN_COLUMNS) });
        else outstanding += runs[at + RUN.count] as number;
    }
    for await (const { bytes } of readRuns(this.#files, settling))
      for (const line of bytes.toString().split('\n'))
        if (line !== '')
          outstanding -= (JSON.parse(line) as { settles: number[] }).settles.filter(
            (sequence) => sequence >= firstSequence,
          ).length;
    this.#outstanding = outstanding;
  }
}

function letterLine({ code, field, message, bytes }: Letter, producer?: string): string {
  const readable = isUtf8(bytes) && !bytes.includes(0);
  return JSON.stringify({
    code,
    ...(field === undefined ? {} : { field }),
    message,
    ...(readable ? { record: bytes.toString() } : { bytes: bytes.toString('base64') }),
    ...(producer === undefined ? {} : { producer }),
  });
}
