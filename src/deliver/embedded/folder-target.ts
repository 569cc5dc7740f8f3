import { dirname, join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { type FileTarget, NOTES_FOLDER } from '../file-target.ts';

/** A folder: files get their names once they are whole, on the same disk. */
export class FolderTarget implements FileTarget {
  readonly place: string;
  readonly #files: FileSystem;

  constructor(files: FileSystem, place: string) {
    this.#files = files;
    this.place = place;
  }

  stagingOf(epoch: string): string {
    return join(this.#notes, epoch);
  }

  async publish(staged: string, name: string): Promise<void> {
    const files = this.#files;
    const path = this.#pathOf(name);
    if (await files.exists(staged)) {
      await files.makeFolder(dirname(path));
      await files.rename(staged, path);
    } else {
      await this.#requireFolder(dirname(staged), `${staged}, which was to become ${path}`);
    }
    // A power cut between rename and sync may have kept neither.
    if (await files.exists(dirname(path))) await files.syncFolder(dirname(path));
  }

  has(name: string): Promise<boolean> {
    return this.#files.exists(this.#pathOf(name));
  }

  remove(name: string): Promise<void> {
    return this.#files.remove(this.#pathOf(name));
  }

  async note(name: string, text: string): Promise<void> {
    await this.requireThere();
    await this.#files.replaceFile(join(this.#notes, name), text);
  }

  async noted(name: string): Promise<string | undefined> {
    const path = join(this.#notes, name);
    if (!(await this.#files.exists(path))) return undefined;
    return (await this.#files.readFile(path)).toString();
  }

  async requireThere(): Promise<void> {
    await this.#requireFolder(this.#notes, this.#notes);
  }

  /** With a folder that was made before the whole target may be gone: a disk that is not mounted. */
  async #requireFolder(folder: string, missing: string): Promise<void> {
    if (await this.#files.exists(folder)) return;
    throw new MillraceError(
      'MR_DELIVERY_FAILED',
      `${missing} is missing. Is the disk of ${this.place} there? If it was emptied on purpose, make ${this.#notes}, and delivery goes on.`,
    );
  }

  get #notes(): string {
    return join(this.place, NOTES_FOLDER);
  }

  #pathOf(name: string): string {
    return join(this.place, ...name.split('/'));
  }
}
