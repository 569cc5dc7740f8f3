import type { StreamLog } from '../stream/stream-store.ts';
import { appendNew } from './append-new.ts';
import { BufferPool } from './buffer-pool.ts';
import type { IngestOptions } from './ingest.ts';
import { createJudge, type Judge } from './judge.ts';
import { type DecodedPut, PutDecoder, putBytes } from './put-decoder.ts';
import { type PutEntry, type PutOutcome, type Puts, placesOf } from './puts.ts';
import { CurrentRouter } from './route.ts';
import { bothSettled } from './settled.ts';

/** Puts into a stream of the pipeline: their bytes are its records, judged as those of any other request. */
export class StreamPuts implements Puts {
  readonly #options: IngestOptions;
  readonly #judge: Judge;
  readonly #router: CurrentRouter;
  readonly #pool = new BufferPool();

  constructor(options: IngestOptions) {
    const { log, key, dedupe } = options;
    this.#options = options;
    this.#judge = createJudge(log.schema, { key, ids: dedupe?.ids });
    this.#router = new CurrentRouter(log);
  }

  async put(entries: readonly PutEntry[], producer?: string): Promise<readonly PutOutcome[]> {
    const buffer = await this.#pool.take(putBytes(entries));
    const keepsRefused = this.#options.deadLetters !== undefined;
    try {
      const parts = { ...this.#judge, router: this.#router.now, keepsRefused };
      return await this.#store(new PutDecoder(parts, entries, buffer).result, producer);
    } finally {
      this.#pool.give(buffer);
    }
  }

  async #store(decoded: DecodedPut, producer: string | undefined): Promise<readonly PutOutcome[]> {
    const { log, deadLetters } = this.#options;
    const { open } = log.routing;
    const letters =
      decoded.rejected.length > 0 ? deadLetters?.(decoded.rejected, producer) : undefined;
    const places = await bothSettled(this.#append(decoded), letters);
    const taken = { shard: open[0]?.id as number, sequence: newest(log) };
    return decoded.entries.map((entry) =>
      typeof entry === 'number' ? (places[entry] ?? taken) : { refusal: entry },
    );
  }

  /** Says where each record of the batch is. */
  async #append(decoded: DecodedPut): Promise<readonly PutOutcome[]> {
    const { log, dedupe } = this.#options;
    const { open } = log.routing;
    const known = new Set<number>();
    const placements = await appendNew(decoded, {
      log,
      window: dedupe?.window,
      repeat: (duplicate) => {
        for (const record of duplicate) known.add(record);
      },
    });
    const nextIn = placesOf(placements);
    const { count, shards } = decoded.batch;
    return Array.from(shards.subarray(0, count), (place, record) => {
      const shard = open[place]?.id as number;
      // Which number the first one has is not known any more.
      return known.has(record) ? { shard, sequence: newest(log) } : nextIn(shard);
    });
  }
}

const newest = ({ nextSequence }: StreamLog): number => Math.max(0, nextSequence - 1);
