import type { FileSystem } from '../../core/file-system.ts';

interface Ended {
  readonly paths: readonly string[];
  /** From when on they may go. */
  readonly dueMs: number;
}

/** Files of states that ended; they stay while somebody holds the table, and for a while after (L7). */
export class EndedFiles {
  readonly #files: FileSystem;
  #ended: Ended[] = [];
  #holders = 0;

  constructor(files: FileSystem) {
    this.#files = files;
  }

  get isHeld(): boolean {
    return this.#holders > 0;
  }

  add(paths: readonly string[], dueMs: number): void {
    if (paths.length > 0) this.#ended.push({ paths, dueMs });
  }

  has(path: string): boolean {
    return this.#ended.some(({ paths }) => paths.includes(path));
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
    if (this.isHeld) return 0;
    const due = this.#ended.filter(({ dueMs }) => dueMs <= nowMs);
    this.#ended = this.#ended.filter(({ dueMs }) => dueMs > nowMs);
    const paths = due.flatMap((ended) => ended.paths);
    for (const path of paths) await this.#files.remove(path);
    return paths.length;
  }
}
