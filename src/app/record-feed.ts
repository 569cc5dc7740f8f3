import { MillraceError } from '../core/errors.ts';
import { fieldNamed } from '../core/field-types.ts';
import { keyFilter } from '../ingest/key-filter.ts';
import type { AskedRecords, ReadStart, RecordFeed } from '../serve/services.ts';
import type { ReadTurns } from '../stream/read-turns.ts';
import { RecordLines } from '../stream/record-lines.ts';
import { type KeyFilter, RecordReader, refuseExpired } from '../stream/record-reader.ts';
import type { StreamLog } from '../stream/stream-store.ts';
import { waitForRecords } from '../stream/wait-for-records.ts';
import type { RunningStream, Runtime } from './runtime.ts';

export interface FeedParts {
  /** The runtime once a change under way is in place. */
  readonly runtime: () => Promise<Runtime>;
  readonly turns: ReadTurns;
}

/** @throws MillraceError where the stream is not there, or what is asked for cannot be read. */
export async function openRecordFeed(
  parts: FeedParts,
  stream: string,
  asked: AskedRecords,
): Promise<RecordFeed> {
  const runtime = await parts.runtime();
  const running = runtime.stream(stream);
  const { log } = running;
  const start = await startOf(asked.from, log);
  // What is in a raw zone that is away is an error now, not an answer that breaks off.
  if (start < log.firstRetained) await log.slices(start, start + 1, 1);
  const ids = log.shards.map(({ id }) => id);
  const strange = asked.shards?.find((shard) => !ids.includes(shard));
  if (strange !== undefined)
    throw new MillraceError(
      'MR_REQUEST_INVALID',
      `Parameter 'shard': stream '${stream}' has no shard ${strange}; its shards are ${ids.join(', ')}.`,
    );
  const { until = Number.POSITIVE_INFINITY } = asked;
  if (typeof asked.from === 'object' && 'sequence' in asked.from && until < start)
    throw new MillraceError(
      'MR_REQUEST_INVALID',
      `Parameter 'until' is ${until}, which lies before the start, ${start}.`,
    );
  const end = asked.follow ? until : Math.min(until, log.nextSequence);
  return new LogFeed(parts, { runtime, running }, { ...asked, until: end }, start);
}

async function startOf(from: ReadStart, log: StreamLog): Promise<number> {
  if (from === 'earliest') return log.firstSequence;
  if (from === 'latest') return log.nextSequence;
  if ('timeMs' in from) return log.firstAtOrAfter(from.timeMs);
  const { sequence } = from;
  refuseExpired(log, sequence);
  if (sequence <= log.nextSequence) return sequence;
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `Stream '${log.name}' has no record ${sequence} yet; the next one gets number ${log.nextSequence}. Read new records with from=latest.`,
  );
}

interface OpenStream {
  readonly runtime: Runtime;
  readonly running: RunningStream;
}

/** Reads one log after the other: a changed pipeline opens its logs anew. */
class LogFeed implements RecordFeed {
  readonly #parts: FeedParts;
  readonly #asked: AskedRecords;
  #open: OpenStream;
  #reader: RecordReader;

  constructor(parts: FeedParts, open: OpenStream, asked: AskedRecords, from: number) {
    this.#parts = parts;
    this.#asked = asked;
    this.#open = open;
    this.#reader = this.#readerFrom(from, asked.limit);
  }

  #readerFrom(from: number, limit: number | undefined): RecordReader {
    const { runtime, running } = this.#open;
    const { sinceMs, until, shards, key } = this.#asked;
    return new RecordReader(runtime.context.target.files, {
      from,
      until,
      limit,
      sinceMs,
      shards: shards && new Set(shards),
      key: key === undefined ? undefined : filterOf(key, running),
    });
  }

  get position(): number {
    return this.#reader.position;
  }

  get done(): RecordFeed['done'] {
    return this.#reader.done;
  }

  async next(): Promise<Buffer | undefined> {
    if (this.#open.runtime.closing.aborted && !(await this.#changeOver())) return undefined;
    const { log } = this.#open.running;
    try {
      return await this.#parts.turns.take(async (buffer) => {
        const lines = new RecordLines(this.#asked.form);
        await this.#reader.next(log, buffer, lines);
        return lines.bytes();
      });
    } catch (error) {
      // What a raw zone gave for reading goes with the log that is being closed.
      if (!this.#open.runtime.closing.aborted) throw error;
      return this.next();
    }
  }

  /** False where the stream is no more, or another one has its name. */
  async #changeOver(): Promise<boolean> {
    const runtime = await this.#parts.runtime();
    const { log } = this.#open.running;
    const running = runtime.streams.get(log.name);
    if (running?.log.epoch !== log.epoch) return false;
    this.#open = { runtime, running };
    this.#reader = this.#readerFrom(this.#reader.position, this.#reader.left);
    return true;
  }

  more(waitMs: number, signal: AbortSignal): Promise<boolean> {
    const { runtime, running } = this.#open;
    return waitForRecords(running.log, {
      next: this.position,
      clock: runtime.context.clock,
      waitMs,
      signals: [runtime.closing, signal],
    });
  }
}

function filterOf(key: string, { plan, log }: RunningStream): KeyFilter {
  if (plan.key !== undefined) return keyFilter(key, fieldNamed(plan.fields, plan.key), log.schemas);
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `Parameter 'key': stream '${plan.name}' has no key field, so no record has a partition key. Give the stream one with key: '…', or ask with SQL.`,
  );
}
