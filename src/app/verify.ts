import type { ChildProcess } from '../children/child-process.ts';
import { MillraceError } from '../core/errors.ts';
import {
  APART_PROPERTY,
  type Apart,
  CHECKPOINT_PROPERTY,
  parseApart,
  parseCheckpoint,
} from '../deliver/delivery.ts';
import { resumeFrom } from '../deliver/resume.ts';
import type {
  EngineMethods,
  FoundNumbers,
  VerifyTableRequest,
  VerifyTableResult,
} from '../engine/protocol.ts';
import { WORK_FETCH } from '../lake/data-files.ts';
import { NO_ROWS, type TableScan } from '../lake/iceberg/live-files.ts';
import type { LakeTable, PinnedFile, TablePin } from '../lake/table-store.ts';
import type { FoundKeys, LookupFindings } from '../lookup/embedded/verify-lookup.ts';
import { endOfSlices } from '../stream/run-columns.ts';
import type { StreamLog } from '../stream/stream-store.ts';
import { pinnedFileProblem } from './pinned-file.ts';
import { engineStream } from './prepare.ts';
import type { RunningStream, Runtime } from './runtime.ts';
import type { WorkerMethods } from './worker-protocol.ts';

export interface VerifyParts {
  readonly runtime: Runtime;
  readonly engine: Pick<ChildProcess<EngineMethods>, 'call'>;
  readonly worker: Pick<ChildProcess<WorkerMethods>, 'call'>;
  readonly tell: (event: VerifyEvent) => void;
  readonly signal: AbortSignal;
}

export interface Difference {
  /** `stream orders`, `table lake.orders`, `lookup by_id`. */
  readonly where: string;
  readonly kind:
    | 'damaged'
    | 'missing'
    | 'doubled'
    | 'unknown'
    | 'changed'
    | 'beyond'
    | 'file'
    | 'unreadable';
  /** For people: what differs, and where. */
  readonly text: string;
}

export type VerifyEvent =
  | {
      readonly event: 'progress';
      readonly what: string;
      readonly done: number;
      readonly of: number;
    }
  | ({ readonly event: 'difference' } & Difference);

export interface VerifyResult {
  /** What was read. */
  readonly checked: readonly { readonly what: string; readonly [count: string]: number | string }[];
  readonly differences: readonly Difference[];
}

/** So much of the log is held against the table at a time. */
const WINDOW_BYTES = 64 * 1024 * 1024;
const WINDOW_NUMBERS = 5_000_000;
const FILES_AT_ONCE = 100;

/**
 * Holds log, table and lookups against each other: all records and rows are read. Of a stream, a lookup or a model of
 * that name, or of all. What is written meanwhile is left out of it, and nothing is removed.
 *
 * @throws MillraceError MR_PLAN_UNKNOWN
 */
export async function verify(parts: VerifyParts, name: string | undefined): Promise<VerifyResult> {
  const { runtime } = parts;
  const { streams, lookups } = wanted(runtime, name);
  const { target } = runtime.context;
  const holds = await Promise.all([target.streams.hold(), target.deadLetters.hold()]);
  const run = new VerifyRun(parts);
  try {
    for (const stream of streams) await run.stream(stream);
    for (const [model, table] of runtime.tables)
      if (name === undefined || name === model) await run.modelTable(model, table);
    for (const lookup of lookups) await run.lookup(lookup);
    return { checked: run.checked, differences: run.differences };
  } finally {
    for (const hold of holds) hold.release();
  }
}

function wanted(runtime: Runtime, name: string | undefined) {
  const { plan } = runtime;
  const lookups = plan.lookups
    .filter((one) => name === undefined || one.name === name || one.from === name)
    .map((one) => one.name);
  const all = [...runtime.streams.values()];
  const streams = all.filter((one) => name === undefined || one.plan.name === name);
  if (streams.length + lookups.length > 0 || runtime.tables.has(name ?? ''))
    return { streams, lookups };
  if (name === undefined) return { streams, lookups };
  const names = [
    ...all.map((one) => one.plan.name),
    ...plan.lookups.map((one) => one.name),
    ...runtime.tables.keys(),
  ];
  throw new MillraceError(
    'MR_PLAN_UNKNOWN',
    `There is no stream, lookup or stored model '${name}'. There are: ${names.join(', ')}.`,
  );
}

/** What of the table is held against what of the log. */
interface Compared {
  readonly running: RunningStream;
  readonly where: string;
  /** Of the data files that are there and can be opened. */
  readonly scan: TableScan;
  readonly apart: readonly Apart[];
  /** Every record below is in the table. */
  readonly next: number;
}

type DataFile = Pick<PinnedFile, 'path'> & NonNullable<PinnedFile['data']>;

class VerifyRun {
  readonly checked: { what: string; [count: string]: number | string }[] = [];
  readonly differences: Difference[] = [];
  readonly #parts: VerifyParts;

  constructor(parts: VerifyParts) {
    this.#parts = parts;
  }

  #found(where: string, kind: Difference['kind'], text: string): void {
    const difference: Difference = { where, kind, text };
    this.differences.push(difference);
    this.#parts.tell({ event: 'difference', ...difference });
  }

  #progress(what: string, done: number, of: number): void {
    this.#parts.signal.throwIfAborted();
    this.#parts.tell({ event: 'progress', what, done, of });
  }

  async stream(running: RunningStream): Promise<void> {
    const { plan, log, letters, table } = running;
    const what = `stream ${plan.name}`;
    for (const text of log.status().damaged) this.#found(what, 'damaged', text);
    if (letters)
      await this.#records(`dead letters of ${plan.name}`, letters.log, letters.log.firstRetained);
    if (!table) return this.#records(what, log, log.firstRetained);
    const pin = await table.pin();
    try {
      const where = `table lake.${plan.name}`;
      const resumed = resumeFrom(parseCheckpoint(pin.properties[CHECKPOINT_PROPERTY]), log);
      const known = parseApart(pin.properties[APART_PROPERTY]);
      const apart = resumed.apart ? [...known, resumed.apart] : known;
      const good = new Set(await this.#files(where, table, pin));
      const files = pin.scan.files.filter(({ path }) => good.has(path));
      await table.fetch({ ...pin.scan, files }, WORK_FETCH);
      const compared = { running, where, scan: { ...pin.scan, files }, apart, next: resumed.next };
      // Where each key has one row, most records have none any more: no number may be there twice.
      const isUpsert = plan.table !== false && plan.table.upsert !== undefined;
      await this.#older(compared, isUpsert ? resumed.next : log.firstRetained);
      if (!isUpsert) await this.#compare(compared);
      await this.#beyond(compared);
      await this.#records(what, log, Math.max(resumed.next, log.firstRetained));
    } finally {
      await pin.release();
    }
  }

  /** Reads the records from `from` on and holds them against their checksums. */
  async #records(what: string, log: StreamLog, from: number): Promise<void> {
    const end = log.nextSequence;
    let records = 0;
    for (let at = from; at < end; ) {
      const slices = await log.slices(at, end, WINDOW_BYTES);
      const result = await this.#parts.engine.call('verifyRecords', { slices });
      for (const text of result.damage) this.#found(what, 'damaged', text);
      records += result.records;
      at = endOfSlices(slices) ?? end;
      this.#progress(what, at, end);
    }
    this.checked.push({ what, records });
  }

  /** Of the records below `next` that the log still has, each must be in the table, once and as it is. */
  async #compare(compared: Compared): Promise<void> {
    const { running, where, next } = compared;
    const { log, plan } = running;
    let [records, rows] = [0, 0];
    for (let at = log.firstRetained; at < next; ) {
      const slices = await log.slices(at, next, WINDOW_BYTES);
      const until = Math.min(endOfSlices(slices) ?? next, next);
      const result = await this.#rows(compared, { slices, from: at, until, isOlder: false });
      for (const text of result.damage) this.#found(`stream ${plan.name}`, 'damaged', text);
      this.#tellRows(where, result);
      records += result.records;
      rows += result.rows;
      at = until;
      this.#progress(where, at, next);
    }
    this.checked.push({ what: where, records, rows });
  }

  /** Rows whose records the log has no more. */
  async #older(compared: Compared, end: number): Promise<void> {
    for (let from = 0; from < end; from += WINDOW_NUMBERS) {
      const until = Math.min(from + WINDOW_NUMBERS, end);
      const result = await this.#rows(compared, { slices: [], from, until, isOlder: true });
      this.#tellRows(compared.where, result);
      this.#progress(compared.where, until, compared.next);
    }
  }

  async #beyond(compared: Compared): Promise<void> {
    const { next: from, where } = compared;
    const until = Number.MAX_SAFE_INTEGER;
    const { unknown } = await this.#rows(compared, { slices: [], from, until, isOlder: false });
    if (unknown.count > 0)
      this.#found(
        where,
        'beyond',
        `in the table, but beyond its checkpoint, ${from}, and so to be written again: ${numbersText(unknown)}`,
      );
  }

  #rows(
    { running, scan, apart }: Compared,
    range: Pick<VerifyTableRequest, 'slices' | 'from' | 'until' | 'isOlder'>,
  ): Promise<VerifyTableResult> {
    const { plan, log, table } = running;
    const stream = {
      ...engineStream(plan),
      schemas: log.schemas,
      columns: table?.columns ?? [],
    };
    return this.#parts.engine.call(
      'verifyTable',
      { stream, scan, apart, ...range },
      { signal: this.#parts.signal },
    );
  }

  #tellRows(where: string, { missing, doubled, unknown, changed }: VerifyTableResult): void {
    const say = (kind: Difference['kind'], numbers: FoundNumbers, text: string) => {
      if (numbers.count > 0) this.#found(where, kind, `${text}: ${numbersText(numbers)}`);
    };
    say('missing', missing, 'in the log and not in the table');
    say('doubled', doubled, 'in the table more than once');
    say('unknown', unknown, 'in the table and not in the log');
    say('changed', changed, 'with other values in the table than in the log');
  }

  /** Names what is wrong with the files of a table. Returns the data files of now that can be read. */
  async #files(where: string, table: LakeTable, pin: TablePin): Promise<string[]> {
    let all: readonly PinnedFile[];
    try {
      all = await pin.files();
    } catch (error) {
      this.#found(where, 'file', `its manifests cannot be read: ${(error as Error).message}`);
      return [];
    }
    const good: DataFile[] = [];
    for (const file of all) {
      const problem = await pinnedFileProblem(pin, file);
      if (problem !== undefined) this.#found(where, 'file', problem);
      else if (file.data) good.push({ path: file.path, ...file.data });
    }
    return this.#open(where, table, good);
  }

  async #open(where: string, table: LakeTable, all: readonly DataFile[]): Promise<string[]> {
    const readable: string[] = [];
    for (let at = 0; at < all.length; at += FILES_AT_ONCE) {
      const some = all.slice(at, at + FILES_AT_ONCE);
      const files = some.map((file) => ({ ...file, path: file.readPath }));
      await table.fetch({ ...NO_ROWS, files }, WORK_FETCH);
      const paths = files.map((file) => file.path);
      const opened = await this.#parts.engine.call('fileRows', { paths });
      for (const { path: readPath, rows, error } of opened) {
        const file = some.find((one) => one.readPath === readPath) as DataFile;
        const { path } = file;
        if (error !== undefined) this.#found(where, 'file', `${path} cannot be opened: ${error}`);
        else if (rows !== file.rows)
          this.#found(where, 'file', `${path} has ${rows} rows; the manifest says ${file.rows}`);
        else if (file.isCurrent) readable.push(readPath);
      }
      this.#progress(`files of ${where}`, Math.min(at + FILES_AT_ONCE, all.length), all.length);
    }
    this.checked.push({ what: `files of ${where}`, files: all.length });
    return readable;
  }

  async modelTable(model: string, table: LakeTable): Promise<void> {
    const pin = await table.pin();
    try {
      await this.#files(`table warehouse.${model}`, table, pin);
    } finally {
      await pin.release();
    }
  }

  async lookup(name: string): Promise<void> {
    const where = `lookup ${name}`;
    const { signal } = this.#parts;
    let found: LookupFindings;
    try {
      found = await this.#parts.worker.call('verify', { lookup: name }, { signal });
    } catch (error) {
      // What makes its rows unreadable was named with the table.
      this.#found(
        where,
        'unreadable',
        `it could not be held against table and log: ${(error as Error).message}`,
      );
      return;
    }
    const say = (kind: Difference['kind'], { count, keys }: FoundKeys, text: string) => {
      if (count === 0) return;
      const named = `${keys.join(', ')}${count > keys.length ? ', …' : ''}`;
      this.#found(where, kind, `${text}: ${count} ${count === 1 ? 'key' : 'keys'} (${named})`);
    };
    say('missing', found.missing, 'without an entry');
    say('changed', found.changed, 'with another entry than the newest row');
    say('unknown', found.extra, 'with an entry and no row');
    say('damaged', found.damaged, 'with a damaged entry (build it again with `millrace replay`)');
    const { position, entries } = found;
    this.checked.push(position ? { what: where, entries } : { what: where, note: 'not built yet' });
  }
}

function numbersText({ count, ranges }: FoundNumbers): string {
  const texts = ranges.map(([first, last]) =>
    first === last ? `${first}` : `${first} to ${last}`,
  );
  const named = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return `${count} ${count === 1 ? 'number' : 'numbers'} (${texts.join(', ')}${named < count ? ', …' : ''})`;
}
