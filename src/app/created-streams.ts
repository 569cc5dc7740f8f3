import type { Clock } from '../core/clock.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import { OPAQUE_FIELDS, OpaquePuts } from '../ingest/opaque-puts.ts';
import type { StreamAttributes } from '../stream/stream-attributes.ts';
import type { StreamLog } from '../stream/stream-store.ts';
import type { Target } from '../target/target.ts';

/** A stream that a program made, while it runs. */
export interface CreatedStream {
  readonly log: StreamLog;
  readonly puts: OpaquePuts;
}

export type CreatedAttributes = StreamAttributes & {
  readonly created: NonNullable<StreamAttributes['created']>;
};

const HOUR_MS = 60 * 60 * 1000;

/**
 * Streams that programs make with CreateStream, and no definition describes: they hold bytes of any kind and stay
 * until they are deleted, whatever the pipeline becomes. Each log is opened when it is first needed.
 */
export class CreatedStreams {
  readonly #target: Target;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #open = new Map<string, Promise<CreatedStream>>();
  #turn: Promise<unknown> = Promise.resolve();
  #cancelTrim = () => {};
  #isClosed = false;

  constructor(target: Target, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.#target = target;
    this.#clock = clock;
    this.#logger = logger;
    this.#trimLater();
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
    return this.#inTurn(async () => {
      if (this.attributes(name)) return false;
      await this.#target.createdStreams.remove(name);
      await this.#target.streamAttributes.change(name, () => attributes);
      await this.find(name);
      return true;
    });
  }

  /** First nobody knows it any more, then its records go: broken off in between, the next of its name begins empty. */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#target.streamAttributes.change(name, () => undefined);
      const open = this.#open.get(name);
      this.#open.delete(name);
      await closed(open);
      await this.#target.createdStreams.remove(name);
    });
  }

  /** All of them are open meanwhile, and none is made, removed or opened anew. */
  whileUnchanged<T>(use: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await Promise.all(this.names().map((name) => this.find(name)));
      return use();
    });
  }

  /** The log is opened anew with it. */
  setRetention(name: string, hours: number): Promise<void> {
    return this.#inTurn(async () => {
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

  /** Two changes of one stream would open its log twice. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(change);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #trimLater(): void {
    this.#cancelTrim = this.#clock.after(LIMITS.retentionCheckMs, () => void this.#trim());
  }

  async #trim(): Promise<void> {
    for (const name of this.names())
      try {
        await (await this.find(name))?.log.trim();
      } catch (error) {
        const { message } = error as Error;
        this.#logger.error({ stream: name, error: message }, 'retention failed; it is tried again');
      }
    if (!this.#isClosed) this.#trimLater();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTrim();
    await this.#turn;
    await Promise.allSettled([...this.#open.values()].map(closed));
  }
}

/** One that could not be opened needs no closing. */
async function closed(open: Promise<CreatedStream> | undefined): Promise<void> {
  const stream = await open?.catch(() => undefined);
  await stream?.log.close();
}
