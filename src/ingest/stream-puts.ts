import type { Placement, RecordBatch, StreamLog } from '../stream/stream-store.ts';
import { BufferPool } from './buffer-pool.ts';
import { withoutDuplicates } from './duplicates.ts';
import type { IngestOptions } from './ingest.ts';
import { type DecodedPut, PutDecoder, putBytes } from './put-decoder.ts';
import type { PutEntry, PutOutcome, Puts } from './puts.ts';
import { createRouter, type Router } from './route.ts';
import { compileScanner, type Scanner } from './scanner.ts';
import { bothSettled } from './settled.ts';
import { Validator } from './validate.ts';

/** Records that were appended; `duplicate` are the places of those in the batch that were there before. */
interface Appended {
  readonly placements: readonly Placement[];
  readonly duplicate: ReadonlySet<number>;
}

/** Puts into a stream of the pipeline: their bytes are its records, judged as those of any other request. */
export class StreamPuts implements Puts {
  readonly #options: IngestOptions;
  readonly #scanner: Scanner;
  readonly #validator: Validator;
  readonly #pool = new BufferPool();
  #router: Router;

  constructor(options: IngestOptions) {
    const { log, key, dedupe } = options;
    const marked = { key, id: dedupe?.ids.field };
    this.#options = options;
    this.#scanner = compileScanner(log.schema, marked);
    this.#validator = new Validator(log.schema, marked);
    this.#router = createRouter(log.routing);
  }

  async put(entries: readonly PutEntry[], producer?: string): Promise<readonly PutOutcome[]> {
    const buffer = await this.#pool.take(putBytes(entries));
    try {
      return await this.#store(this.#decode(entries, buffer), producer);
    } finally {
      this.#pool.give(buffer);
    }
  }

  async #store(decoded: DecodedPut, producer: string | undefined): Promise<readonly PutOutcome[]> {
    const { log, deadLetters } = this.#options;
    const { open } = log.routing;
    const letters =
      decoded.rejected.length > 0 ? deadLetters?.(decoded.rejected, producer) : undefined;
    const appended = await bothSettled(this.#append(decoded), letters);
    const shards = Array.from(decoded.batch.shards, (place) => open[place]?.id as number);
    const places = placesOf(shards, decoded.batch.count, appended, log);
    const taken = { shard: open[0]?.id as number, sequence: newest(log) };
    return decoded.entries.map((entry) =>
      typeof entry === 'number' ? (places[entry] ?? taken) : { refusal: entry },
    );
  }

  #decode(entries: readonly PutEntry[], buffer: Buffer): DecodedPut {
    const { log, key, dedupe, deadLetters } = this.#options;
    if (log.routing.version !== this.#router.routing) this.#router = createRouter(log.routing);
    const parts = {
      scanner: this.#scanner,
      validator: this.#validator,
      router: this.#router,
      keyed: key !== undefined,
      ids: dedupe?.ids,
      keepsRefused: deadLetters !== undefined,
    };
    return new PutDecoder(parts, entries, buffer).result;
  }

  /** Nothing waits before the append where records need not be told apart: shards may change meanwhile. */
  async #append({ batch, ids }: DecodedPut): Promise<Appended> {
    const { log, dedupe } = this.#options;
    if (batch.count === 0) return { placements: [], duplicate: new Set() };
    if (!dedupe || !ids) return { placements: await log.append(batch), duplicate: new Set() };
    const claim = await dedupe.window.claim(ids);
    // The columns of the batch are compacted in place; who asked still needs them.
    const copy = { ...batch, shards: batch.shards.slice() } satisfies RecordBatch;
    const rest = withoutDuplicates(copy, ids, claim);
    let placements: readonly Placement[] = [];
    try {
      if (rest.batch.count > 0) placements = await log.append(rest.batch);
    } catch (error) {
      claim.failed(error);
      throw error;
    }
    claim.stored();
    await claim.others;
    return { placements, duplicate: new Set(rest.duplicate) };
  }
}

/** Where each record of the batch is: those of one shard are numbered in their order. */
function placesOf(
  shards: readonly number[],
  count: number,
  { placements, duplicate }: Appended,
  log: StreamLog,
): PutOutcome[] {
  const next = new Map(placements.map(({ shard, first }) => [shard, first]));
  return shards.slice(0, count).map((shard, record) => {
    // Which number the first one has is not known any more.
    if (duplicate.has(record)) return { shard, sequence: newest(log) };
    const sequence = next.get(shard) as number;
    next.set(shard, sequence + 1);
    return { shard, sequence };
  });
}

const newest = ({ nextSequence }: StreamLog): number => Math.max(0, nextSequence - 1);
