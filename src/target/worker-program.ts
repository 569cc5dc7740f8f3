import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordsAnswer, WorkerHostMethods, WorkerSetup } from '../app/worker-protocol.ts';
import { serveParent } from '../children/child-process.ts';
import { isDiskFull, MillraceError } from '../core/errors.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import { resumeFrom } from '../deliver/resume.ts';
import { recordsOfRun, type StoredRecord } from '../ingest/stored-record.ts';
import { type LookupEnvironment, openLookups } from '../lookup/embedded/lmdb-environment.ts';
import { LmdbLookupWriter } from '../lookup/embedded/lmdb-lookup-writer.ts';
import {
  type ExpectedRows,
  type LookupFindings,
  verifyLookup,
} from '../lookup/embedded/verify-lookup.ts';
import { endOfSlices } from '../stream/run-columns.ts';
import { readRuns } from '../stream/run-reader.ts';

/** The `worker` child: writes the lookups. Argument: the LMDB file. */
const environment: LookupEnvironment = openLookups(process.argv[2] as string);
const files = nodeFileSystem();
let generation = 0;
let feeds: StreamFeed[] = [];

const FULL_WAIT_MS = 2000;

interface Rebuild {
  readonly lookup: string;
  readonly done: (entries: number) => void;
  readonly failed: (error: unknown) => void;
}

const isRawAway = (error: unknown): boolean =>
  error instanceof MillraceError && error.code === 'MR_RAW_UNAVAILABLE';

/** Keeps the lookups of one stream up to date. */
class StreamFeed {
  readonly #stream: string;
  readonly #writers: readonly LmdbLookupWriter[];
  #running: Promise<void> = Promise.resolve();
  readonly #rebuilds: Rebuild[] = [];

  constructor(stream: string, writers: readonly LmdbLookupWriter[]) {
    this.#stream = stream;
    this.#writers = writers;
  }

  start(mine: number): void {
    this.#running = this.#keepOn(mine).catch((error: unknown) => {
      // The stream left the pipeline, or the parent is going: what follows has no feed for it.
      const expected =
        error instanceof MillraceError &&
        (error.code === 'MR_PLAN_UNKNOWN' || error.code === 'MR_STOPPING');
      if (!expected) throw error;
    });
  }

  stopped(): Promise<void> {
    return this.#running;
  }

  writerOf(lookup: string): LmdbLookupWriter | undefined {
    return this.#writers.find((writer) => writer.schema.name === lookup);
  }

  rebuild(lookup: string): Promise<number> {
    return new Promise((done, failed) => this.#rebuilds.push({ lookup, done, failed }));
  }

  /** On a full disk, or without the raw zone, nothing was changed: it goes on from the positions in the lookups. */
  async #keepOn(mine: number): Promise<void> {
    for (let isWaiting = false; ; isWaiting = true) {
      try {
        return await this.#run(mine);
      } catch (error) {
        if (!isDiskFull(error) && !isRawAway(error)) throw error;
        for (const rebuild of this.#rebuilds.splice(0)) rebuild.failed(error);
        if (!isWaiting)
          console.error(
            `millrace worker: the lookups of ${this.#stream} wait: ${(error as Error).message}`,
          );
      }
      await sleep(FULL_WAIT_MS);
      if (mine !== generation) return;
    }
  }

  async #run(mine: number): Promise<void> {
    let next = await this.#start();
    while (mine === generation) {
      const answer = await parent.call('records', {
        stream: this.#stream,
        from: Math.min(...next.values()),
      });
      const [rebuild] = this.#rebuilds;
      if (rebuild) {
        next = await this.#rebuild(rebuild.lookup, answer, next);
        this.#rebuilds.shift();
        rebuild.done(environment.lookup(rebuild.lookup).getCount());
      } else if (answer.slices.length > 0) next = await this.#write(answer, next);
    }
  }

  async #start(): Promise<Map<LmdbLookupWriter, number>> {
    const log = await parent.call('records', { stream: this.#stream, from: null });
    const next = new Map<LmdbLookupWriter, number>();
    for (const writer of this.#writers) {
      const { state, next: position } = resumeFrom(writer.position(), log);
      // Entries of records that the log was put back from would be newer than those that come.
      if (state !== 'continued') await this.#fillFromTable(writer, log.epoch, log.firstSequence);
      next.set(writer, state === 'continued' ? position : log.firstSequence);
    }
    return next;
  }

  /** Records that the log has dropped are in the stream's table. */
  async #fillFromTable(
    writer: LmdbLookupWriter,
    epoch: string,
    firstSequence: number,
  ): Promise<void> {
    await writer.reset(epoch);
    if (firstSequence > 0) {
      let rest = '';
      await parent.call(
        'tableRows',
        { stream: this.#stream, until: firstSequence },
        {
          onChunk: async (chunk) => {
            const lines = (rest + Buffer.from(chunk).toString()).split('\n');
            rest = lines.pop() ?? '';
            await writer.writeRows(lines);
          },
        },
      );
    }
    await writer.savePosition(epoch, firstSequence);
  }

  async #rebuild(
    lookup: string,
    { epoch, firstSequence }: RecordsAnswer,
    next: Map<LmdbLookupWriter, number>,
  ): Promise<Map<LmdbLookupWriter, number>> {
    const writer = this.writerOf(lookup);
    if (!writer) return next;
    await this.#fillFromTable(writer, epoch, firstSequence);
    let changed = new Map(next).set(writer, firstSequence);
    for (;;) {
      const answer = await parent.call('records', {
        stream: this.#stream,
        from: Math.min(...changed.values()),
      });
      const from = changed.get(writer) ?? 0;
      if (from >= answer.nextSequence) return changed;
      changed = await this.#write(answer, changed);
    }
  }

  async #write(
    answer: RecordsAnswer,
    next: ReadonlyMap<LmdbLookupWriter, number>,
  ): Promise<Map<LmdbLookupWriter, number>> {
    const from = Math.min(...next.values());
    const fields = this.#writers[0]?.schema.fields ?? [];
    const records: StoredRecord[] = [];
    for await (const run of readRuns(files, answer.slices)) {
      for (const record of recordsOfRun(run, { schemas: answer.schemas, fields }, from))
        records.push(record);
    }
    const end = endOfSlices(answer.slices) ?? answer.nextSequence;
    for (const writer of this.#writers) {
      const refused = await writer.write(answer.epoch, records, next.get(writer) ?? 0, end);
      if (refused.length > 0)
        await parent.call('refused', { stream: this.#stream, letters: refused });
    }
    return new Map(this.#writers.map((writer) => [writer, Math.max(end, next.get(writer) ?? 0)]));
  }
}

async function configure(setup: WorkerSetup): Promise<null> {
  generation += 1;
  await Promise.all(feeds.map((feed) => feed.stopped()));
  feeds = setup.streams.map(
    ({ name, lookups }) =>
      new StreamFeed(
        name,
        lookups.map((lookup) => new LmdbLookupWriter(environment, lookup)),
      ),
  );
  for (const feed of feeds) feed.start(generation);
  return null;
}

async function rebuild({ lookup }: { lookup: string }): Promise<{ entries: number }> {
  const feed = feeds.find((candidate) => candidate.writerOf(lookup));
  if (!feed) throw new MillraceError('MR_PLAN_UNKNOWN', `There is no lookup '${lookup}'.`);
  return { entries: await feed.rebuild(lookup) };
}

async function verify({ lookup }: { lookup: string }): Promise<LookupFindings> {
  const writer = feeds.flatMap((feed) => feed.writerOf(lookup) ?? []).at(0);
  if (!writer) throw new MillraceError('MR_PLAN_UNKNOWN', `There is no lookup '${lookup}'.`);
  const stream = writer.schema.from;
  const { oldest } = await parent.call('records', { stream, from: null });
  const rowsUntil: ExpectedRows = async (until, take) => {
    let rest = '';
    const onChunk = (chunk: Uint8Array) => {
      const lines = (rest + Buffer.from(chunk).toString()).split('\n');
      rest = lines.pop() ?? '';
      take(lines);
    };
    await parent.call('lookupRows', { lookup, until }, { onChunk });
  };
  return verifyLookup(environment, writer, rowsUntil, oldest);
}

/** A feed that fails ends the process; it starts again from the positions in the lookups. */
process.on('unhandledRejection', (error) => {
  console.error(`millrace worker: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});

const parent = serveParent<WorkerHostMethods>({ configure, rebuild, verify });
