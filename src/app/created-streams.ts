import type { Clock } from '../core/clock.ts';
import { HOUR_MS } from '../core/duration.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import { Turns } from '../core/turns.ts';
import { OPAQUE_FIELDS, OpaquePuts } from '../ingest/opaque-puts.ts';
import type { StreamAttributes } from '../stream/stream-attributes.ts';
import type { StreamLog } from '../stream/stream-store.ts';
import type { Target } from '../target/target.ts';
import { startTrimming } from './start-trimming.ts';

/** A stream that a program made, while it runs. */
export interface CreatedStream {
  readonly log: StreamLog;
  readonly puts: OpaquePuts;
}

export type CreatedAttributes = StreamAttributes & {
  readonly created: NonNullable<StreamAttributes['created']>;
};

/**
 * Streams that programs make with CreateStream, and no definition describes: they hold bytes of any kind and stay
 * until they are deleted, whatever the pipeline becomes. Each log is opened when it is first needed.
 */
export class CreatedStreams {
  readonly #target: Target;
  readonly #open = new Map<string, Promise<CreatedStream>>();
  /** Two changes of one stream at once would open its log twice. */
  readonly #turns = new Turns({
    atOnce: 1,
    waitingMax: LIMITS.connectionsMax,
    what: 'changes of streams',
  });
  readonly #stopTrimming: () => void;
  #isClosed = false;

  constructor(target: Target, parts: { clock: Clock; logger: Logger }) {
    this.#target = target;
    this.#stopTrimming = startTrimming(parts, () =>
      this.names().map((stream) => ({
        stream,
        trim: async () => (await this.find(stream))?.log.trim() ?? 0,
      })),
    );
  }

  attributes(name: string): CreatedAttributes | undefined {
    const attributes = this.#target.streamAttributes.get(name);
    return attributes?.created ? { ...attributes, created: attributes.created } : undefined;
  }

  names(): string[] {
    return this.#target.streamAttributes.names().filter((name) => this.attributes(name));
  }

  async find(name: string): Promise<CreatedStream | undefined> {
    const attributes = this.attributes(name);
    if (!attributes || this.#isClosed) return undefined;
    const known = this.#open.get(name) ?? this.#opened(name, attributes.created);
    this.#open.set(name, known);
    // What could not be opened is tried again.
    known.catch(() => this.#open.delete(name));
    return known;
  }

  async #opened(name: string, created: CreatedAttributes['created']): Promise<CreatedStream> {
    const log = await this.#target.createdStreams.open({
      name,
      shards: created.shards,
      retention: { ageMs: created.retentionHours * HOUR_MS },
      schema: { fields: OPAQUE_FIELDS, unknown: 'refuse' },
    });
    return { log, puts: new OpaquePuts(log) };
  }

  /** False where there is one of the name. What a broken off removal left goes first. */
  create(name: string, attributes: CreatedAttributes): Promise<boolean> {
    return this.#turns.take(async () => {
      if (this.attributes(name)) return false;
      await this.#target.createdStreams.remove(name);
      await this.#target.streamAttributes.change(name, () => attributes);
      await this.find(name);
      return true;
    });
  }

  /** First nobody knows it any more, then its records go: broken off in between, the next of its name begins empty. */
  remove(name: string): Promise<void> {
    return this.#turns.take(async () => {
      await this.#target.streamAttributes.change(name, () => undefined);
      const open = this.#open.get(name);
      this.#open.delete(name);
      await closed(open);
      await this.#target.createdStreams.remove(name);
    });
  }

  /** All of them are open meanwhile, and none is made, removed or opened anew. */
  whileUnchanged<T>(use: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      await Promise.all(this.names().map((name) => this.find(name)));
      return use();
    });
  }

  /** The log is opened anew with it. */
  setRetention(name: string, hours: number): Promise<void> {
    return this.#turns.take(async () => {
      const attributes = this.attributes(name);
      if (!attributes) return;
      const created = { ...attributes.created, retentionHours: hours };
      await this.#target.streamAttributes.change(name, (known) => known && { ...known, created });
      const open = this.#open.get(name);
      const reopened = (async () => {
        await closed(open);
        return this.#opened(name, created);
      })();
      this.#open.set(name, reopened);
      await reopened;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTrimming();
    // Behind those that wait: the last one.
    await this.#turns.take(async () => {});
    await Promise.allSettled([...this.#open.values()].map(closed));
  }
}

/** One that could not be opened needs no closing. */
async function closed(open: Promise<CreatedStream> | undefined): Promise<void> {
  const stream = await open?.catch(() => undefined);
  await stream?.log.close();
}
