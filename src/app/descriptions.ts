import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { asMillraceError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { Logger } from '../core/logger.ts';
import type { Described, DescribeRequest } from '../engine/protocol.ts';

export interface DescriptionOptions {
  readonly folder: string;
  readonly files: FileSystem;
  /** Versions of millrace and of DuckDB: another one may answer differently. */
  readonly versions: readonly string[];
  readonly ask: (request: DescribeRequest) => Promise<readonly Described[]>;
  readonly logger: Logger;
}

/** What is on disk. `key` is of all that an answer depends on, `sum` of the key and the answer. */
interface Kept {
  readonly key: string;
  readonly sum: string;
  readonly answer: readonly Described[];
}

/**
 * What the engine said of the pipeline's queries, kept in the data folder: an unchanged pipeline is ready
 * before the engine is (docs/decisions/0011).
 *
 * D1  An answer is believed only for the very request, millrace and DuckDB that it was given for. It depends on
 *     nothing else: queries are described over empty relations, files and extensions are out of their reach.
 * D2  What is damaged or of another origin is not believed: the engine is asked.
 * D3  An answer with an error in it is not kept.
 * D4  What was believed is held against what the engine says (`differing`), once it is up.
 */
export class Descriptions {
  readonly #options: DescriptionOptions;
  readonly #path: string;
  #believed:
    | { readonly request: DescribeRequest; readonly answer: readonly Described[] }
    | undefined;

  constructor(options: DescriptionOptions) {
    this.#options = options;
    this.#path = join(options.folder, 'system', 'descriptions.json');
  }

  /** Whether there is anything to believe. */
  exists(): Promise<boolean> {
    return this.#options.files.exists(this.#path);
  }

  /** The kept answer, or else the engine's. */
  async recall(request: DescribeRequest): Promise<readonly Described[]> {
    const answer = await this.#find(request);
    if (!answer) return this.ask(request);
    this.#believed = { request, answer };
    return answer;
  }

  /** The engine's answer, kept for the next start. */
  async ask(request: DescribeRequest): Promise<readonly Described[]> {
    const answer = await this.#options.ask(request);
    await this.#keep(request, answer);
    return answer;
  }

  /** Asks the engine about what `recall` believed; its answer where that is another one, and kept in its place. */
  async differing(): Promise<readonly Described[] | undefined> {
    if (!this.#believed) return undefined;
    const { request, answer } = this.#believed;
    this.#believed = undefined;
    const said = await this.#options.ask(request);
    if (JSON.stringify(said) === JSON.stringify(answer)) return undefined;
    await this.#keep(request, said);
    return said;
  }

  async #keep(request: DescribeRequest, answer: readonly Described[]): Promise<void> {
    const { files, logger } = this.#options;
    const key = this.#key(request);
    const kept: Kept = { key, sum: sumOf(key, answer), answer };
    try {
      if (answer.some(({ error }) => error)) await files.remove(this.#path);
      else await files.replaceFile(this.#path, JSON.stringify(kept));
    } catch (error) {
      // It saves time and nothing else: the next start asks again.
      const { message } = asMillraceError(error, 'MR_INTERNAL');
      logger.warn({ path: this.#path, error: message }, 'descriptions of queries were not kept');
    }
  }

  async #find(request: DescribeRequest): Promise<readonly Described[] | undefined> {
    const { files, logger } = this.#options;
    if (!(await this.exists())) return undefined;
    try {
      const kept = JSON.parse(
        (await files.readFile(this.#path)).toString(),
      ) as Partial<Kept> | null;
      const key = this.#key(request);
      if (kept?.key !== key) return undefined;
      // Whole, and so of the form that this version wrote.
      if (kept.answer && kept.sum === sumOf(key, kept.answer)) return kept.answer;
      logger.warn({ path: this.#path }, 'damaged; the engine is asked instead');
    } catch (error) {
      const { message } = asMillraceError(error, 'MR_INTERNAL');
      logger.warn({ path: this.#path, error: message }, 'unreadable; the engine is asked instead');
    }
    return undefined;
  }

  #key(request: DescribeRequest): string {
    return sha256(JSON.stringify([this.#options.versions, request]));
  }
}

const sumOf = (key: string, answer: readonly Described[]): string =>
  sha256(key + JSON.stringify(answer));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
