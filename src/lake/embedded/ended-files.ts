import type { FileSystem } from '../../core/file-system.ts';

interface Ended {
  readonly paths: ReadonlySet<string>;
  /** From when on they may go. */
  readonly dueMs: number;
}

/** Files of states that ended; they stay while somebody holds the table, and for a while after (L7). */
export class EndedFiles {
  readonly #files: FileSystem;
  readonly #onFailure: (error: Error) => void;
  #ended: Ended[] = [];
  #holders = 0;
  #finding: Promise<void> = Promise.resolve();

  constructor(files: FileSystem, onFailure: (error: Error) => void) {
    this.#files = files;
    this.#onFailure = onFailure;
  }

  get isHeld(): boolean {
    return this.#holders > 0;
  }

  add(paths: readonly string[], dueMs: number): void {
    if (paths.length > 0) this.#ended.push({ paths: new Set(paths), dueMs });
  }

  /** Those that have to be looked for: the commit that ended them does not wait for it. */
  addFound(find: () => Promise<readonly string[]>, dueMs: number): void {
    this.#finding = this.#finding
      .then(async () => this.add(await find(), dueMs))
      .catch(this.#onFailure);
  }

  /** Once all that ended so far are known. */
  found(): Promise<void> {
    return this.#finding;
  }

  has(path: string): boolean {
    return this.#ended.some(({ paths }) => paths.has(path));
  }

  hold(): () => void {
    this.#holders += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#holders -= 1;
      isHeld = false;
    };
  }

  /** What is left behind by a failure, or a stop of the process, the sweep finds. */
  async remove(nowMs: number): Promise<number> {
    await this.#finding;
    if (this.isHeld) return 0;
    const due = this.#ended.filter(({ dueMs }) => dueMs <= nowMs);
    this.#ended = this.#ended.filter(({ dueMs }) => dueMs > nowMs);
    const paths = due.flatMap((ended) => [...ended.paths]);
    for (const path of paths) await this.#files.remove(path);
    return paths.length;
  }
}
