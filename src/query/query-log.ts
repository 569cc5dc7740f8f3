import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { asMillraceError, systemErrorCode } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { Logger } from '../core/logger.ts';
import type { AskedQuery, QueryEngine, QueryOptions, ResultHead } from './query-engine.ts';

/** A query somebody asked. */
export interface LoggedQuery {
  readonly id: string;
  readonly who: string;
  /** Its beginning, where it is long. */
  readonly sql: string;
  readonly state: 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly startedMs: number;
  /** With the time it waited for its turn; absent while it runs. */
  readonly ms?: number;
  readonly rows?: number;
  /** True where the result was there already. */
  readonly isKept?: boolean;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface QueryLogOptions {
  readonly files: FileSystem;
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Of one person; older ones are forgotten. */
const ENDED_MAX = 200;
const PEOPLE_MAX = 100;
const SQL_CHARACTERS_MAX = 10_000;
/** Of all ended queries of one person. */
const CHARACTERS_MAX = 100_000;
const SAVE_MS = 10_000;

/**
 * What people ask and have asked, each for himself. It outlives a stop; of what was asked in the last seconds before a
 * crash nothing may be known.
 */
export class QueryLog {
  readonly #options: QueryLogOptions;
  readonly #running = new Map<string, { entry: LoggedQuery; stop: AbortController }>();
  /** By person, in the order they ended. */
  readonly #ended: Map<string, LoggedQuery[]>;
  #saving: Promise<void> = Promise.resolve();
  #cancelSave: (() => void) | undefined;

  private constructor(options: QueryLogOptions, ended: Map<string, LoggedQuery[]>) {
    this.#options = options;
    this.#ended = ended;
  }

  static async open(options: QueryLogOptions): Promise<QueryLog> {
    try {
      const text = String(await options.files.readFile(options.path));
      return new QueryLog(options, parsedHistory(text));
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT')
        options.logger.warn(
          { error: (error as Error).message, path: options.path },
          'the history of queries cannot be read; it begins anew',
        );
      return new QueryLog(options, new Map());
    }
  }

  /** Of one person, newest first: what runs, then what has ended. */
  list(who: string): LoggedQuery[] {
    const running = [...this.#running.values()].map(({ entry }) => entry);
    const own = running.filter((entry) => entry.who === who);
    return [...own, ...(this.#ended.get(who) ?? [])].sort((a, b) => b.startedMs - a.startedMs);
  }

  /** @returns false where nobody's query of this id runs; `who`: of that person alone */
  cancel(id: string, who: string | undefined): boolean {
    const found = this.#running.get(id);
    if (!found || (who !== undefined && found.entry.who !== who)) return false;
    found.stop.abort();
    return true;
  }

  /** An engine whose queries are logged. */
  watched(engine: QueryEngine): QueryEngine {
    return {
      query: (asked, options) => this.#run(engine, asked, options),
      complete: (sql) => engine.complete(sql),
    };
  }

  async #run(engine: QueryEngine, asked: AskedQuery, options: QueryOptions): Promise<void> {
    const { clock } = this.#options;
    const stop = new AbortController();
    const entry: LoggedQuery = {
      id: randomUUID(),
      who: options.who,
      sql: asked.sql.slice(0, SQL_CHARACTERS_MAX),
      state: 'running',
      startedMs: clock.now(),
    };
    let head: ResultHead | undefined;
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const onHead = (given: ResultHead) => {
      head = given;
      options.onHead?.(given);
    };
    const end = (found: Pick<LoggedQuery, 'state' | 'error'>) => {
      this.#running.delete(entry.id);
      if (asked.isUnlisted) return;
      const result = head ? { rows: head.rows, isKept: head.isKept } : {};
      this.#keep({ ...entry, ...found, ...result, ms: clock.now() - entry.startedMs });
    };
    this.#running.set(entry.id, { entry, stop });
    try {
      await engine.query(asked, { ...options, signal, onHead });
      end({ state: 'succeeded' });
    } catch (error) {
      const { code, message } = asMillraceError(error, 'MR_INTERNAL');
      end(signal.aborted ? { state: 'cancelled' } : { state: 'failed', error: { code, message } });
      throw error;
    }
  }

  #keep(entry: LoggedQuery): void {
    const own = this.#ended.get(entry.who) ?? [];
    // Who asked last comes last.
    this.#ended.delete(entry.who);
    this.#ended.set(entry.who, newest([...own.slice(1 - ENDED_MAX), entry]));
    const [first] = this.#ended.keys();
    if (this.#ended.size > PEOPLE_MAX && first !== undefined) this.#ended.delete(first);
    this.#cancelSave ??= this.#options.clock.after(SAVE_MS, () => this.#save());
  }

  #save(): void {
    this.#cancelSave = undefined;
    const { files, path, logger } = this.#options;
    const text = JSON.stringify(Object.fromEntries(this.#ended));
    this.#saving = this.#saving
      .then(() => files.replaceFile(path, text))
      .catch((error: Error) =>
        logger.warn({ error: error.message }, 'the history of queries could not be saved'),
      );
  }

  async close(): Promise<void> {
    if (this.#cancelSave) {
      this.#cancelSave();
      this.#save();
    }
    await this.#saving;
  }
}

function newest(entries: LoggedQuery[]): LoggedQuery[] {
  let characters = 0;
  const first = entries.findLastIndex(({ sql }) => {
    characters += sql.length;
    return characters > CHARACTERS_MAX;
  });
  return entries.slice(first + 1);
}

function parsedHistory(text: string): Map<string, LoggedQuery[]> {
  const stored: unknown = JSON.parse(text);
  if (typeof stored !== 'object' || stored === null) throw new Error('it is no JSON object');
  return new Map(
    Object.entries(stored).map(([who, entries]) => [
      who,
      (Array.isArray(entries) ? entries : []).filter(isLoggedQuery),
    ]),
  );
}

function isLoggedQuery(entry: unknown): entry is LoggedQuery {
  const { id, who, sql, state, startedMs } = Object(entry) as Partial<LoggedQuery>;
  return (
    [id, who, sql, state].every((text) => typeof text === 'string') && Number.isFinite(startedMs)
  );
}
