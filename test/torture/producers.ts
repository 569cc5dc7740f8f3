import type { RunningPipeline } from '../support/running-pipeline.ts';

/** Producers that keep count of what the server has acknowledged, and the check that it is all there. */

export const PIPELINE = `
import { field as f, stream } from 'millrace';
export const readings = stream('readings', {
  fields: { producer: f.string(), n: f.long() }, key: 'producer', shards: 4, table: { every: '500ms' },
});
`;

const BATCH_MAX = 40;

interface Batch {
  readonly from: number;
  readonly count: number;
  readonly key: string;
}

/** One of several that send at once: its numbers rise, and it waits for each answer. */
class Producer {
  readonly name: string;
  readonly acknowledged: Batch[] = [];
  /** Answers do not count any more. */
  isFrozen = false;
  readonly #isKeyed: boolean;
  readonly #random: () => number;
  #next = 0;
  /** Sent and not answered: with a key it is sent again, without one it may be there or not. */
  #open: Batch | undefined;

  constructor(name: string, isKeyed: boolean, random: () => number) {
    this.name = name;
    this.#isKeyed = isKeyed;
    this.#random = random;
  }

  /** Sends until the server is gone. */
  async run(server: RunningPipeline, goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      this.#open ??= this.#newBatch();
      const { from, count, key } = this.#open;
      const lines = Array.from({ length: count }, (_, index) =>
        JSON.stringify({ producer: this.name, n: from + index }),
      );
      const headers: Record<string, string> = this.#isKeyed ? { 'idempotency-key': key } : {};
      try {
        const answer = await server.post('/v1/streams/readings/records', lines.join('\n'), headers);
        const { accepted } = (await answer.json()) as { accepted?: number };
        if (this.isFrozen) {
          if (!this.#isKeyed) this.#open = undefined;
          return;
        }
        if (answer.status === 200 && accepted === count) this.acknowledged.push(this.#open);
        else if (answer.status < 500 && answer.status !== 429)
          throw new Error(`${answer.status} for ${count} good records`);
        else {
          await new Promise((resolve) => setTimeout(resolve, 20));
          if (this.#isKeyed) continue;
        }
        this.#open = undefined;
      } catch (error) {
        if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
        // The connection or the answer was cut: nobody was told.
        if (!this.#isKeyed) this.#open = undefined;
        return;
      }
    }
  }

  #newBatch(): Batch {
    const count = 1 + Math.floor(this.#random() * BATCH_MAX);
    const from = this.#next;
    this.#next += count;
    return { from, count, key: `${this.name}-${from}` };
  }
}

export class Producers {
  readonly #producers: readonly Producer[];

  constructor(random: () => number) {
    this.#producers = ['a', 'b', 'c', 'd'].map(
      (name, index) => new Producer(name, index % 2 === 0, random),
    );
  }

  get acknowledged(): number {
    return this.#producers
      .flatMap(({ acknowledged }) => acknowledged)
      .reduce((total, { count }) => total + count, 0);
  }

  /** From now on nothing counts as acknowledged. */
  freeze(): void {
    for (const producer of this.#producers) producer.isFrozen = true;
  }

  thaw(): void {
    for (const producer of this.#producers) producer.isFrozen = false;
  }

  /** Sends from all of them until `stop`; its result waits for the last answers. */
  start(server: RunningPipeline): { stop(): Promise<void> } {
    let goesOn = true;
    const running = this.#producers.map((producer) => producer.run(server, () => goesOn));
    const ended = Promise.all(running);
    // Told by `stop`.
    ended.catch(() => undefined);
    return {
      stop: async () => {
        goesOn = false;
        await ended;
      },
    };
  }

  /** Held against what SQL says; nothing may be sent meanwhile. */
  async check(server: RunningPipeline): Promise<string[]> {
    const rows = (await server.sql(
      'select producer, n::int, _sequence_number::int from records.readings order by _sequence_number',
    )) as [string, number, number][];
    const problems = rows
      .filter(([, , sequence], index) => sequence !== index)
      .slice(0, 1)
      .map(([, , sequence]) => `gap before record ${sequence}`);
    for (const producer of this.#producers) {
      const numbers = rows.filter(([name]) => name === producer.name).map(([, n]) => n);
      const stored = new Set(numbers);
      if (stored.size < numbers.length)
        problems.push(`records of ${producer.name} are there twice`);
      if (numbers.some((n, index) => index > 0 && n <= (numbers[index - 1] as number)))
        problems.push(`records of ${producer.name} have lost their order`);
      const lost = producer.acknowledged.filter(({ from, count }) =>
        Array.from({ length: count }, (_, index) => from + index).some((n) => !stored.has(n)),
      );
      if (lost.length > 0)
        problems.push(`${lost.length} acknowledged requests of ${producer.name} are lost`);
    }
    return problems;
  }
}
