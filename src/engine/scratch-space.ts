import { mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where a child keeps private files for a moment: its folder in the data folder, or, where that disk is
 * full, a spare one on another: a full disk must not stop reads. Rows on their way into the engine and
 * large results go through files.
 */
export class ScratchSpace {
  readonly #own: string;
  readonly #spare: string;

  constructor(own: string, spare: string) {
    this.#own = own;
    this.#spare = spare;
  }

  /** Removes what a killed predecessor left, but not the results it had handed over. */
  open(): void {
    mkdirSync(this.#spare, { recursive: true, mode: 0o700 });
    for (const folder of this.folders)
      for (const name of readdirSync(folder))
        if (!name.startsWith(HANDED_OVER)) rmSync(join(folder, name), { recursive: true });
  }

  close(): void {
    rmSync(this.#spare, { recursive: true, force: true });
  }

  get folders(): readonly string[] {
    return [this.#own, this.#spare];
  }

  /** A folder with room for about so many bytes; where none has it, the one with more. */
  folderFor(bytes: number): string {
    const free = freeBytes(this.#own);
    return free >= bytes || free >= freeBytes(this.#spare) ? this.#own : this.#spare;
  }
}

/** Files that the parent reads and removes. */
export const HANDED_OVER = 'result-';

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
