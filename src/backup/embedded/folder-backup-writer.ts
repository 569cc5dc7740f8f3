import { createHash, type Hash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { MillraceError, systemErrorCode } from '../../core/errors.ts';
import type { FileHandle, FileSystem } from '../../core/file-system.ts';
import type {
  BackupFacts,
  BackupFile,
  BackupManifest,
  BackupSource,
  BackupWriter,
} from '../backup-store.ts';

export interface WriterOptions {
  readonly id: string;
  readonly files: FileSystem;
  /** The folder of contents. */
  readonly contents: string;
  /** Files of the backup before. */
  readonly known: readonly BackupFile[];
  readonly list: (manifest: BackupManifest) => Promise<void>;
}

const PIECE_BYTES = 1024 * 1024;

/** Copies files to where contents lie, each under a name of its own until all of it is on disk. */
export class FolderBackupWriter implements BackupWriter {
  readonly id: string;
  readonly #options: WriterOptions;
  readonly #known: ReadonlyMap<string, BackupFile>;
  readonly #files: BackupFile[] = [];
  #copied = { files: 0, bytes: 0 };

  constructor(options: WriterOptions) {
    this.id = options.id;
    this.#options = options;
    this.#known = new Map(options.known.map((file) => [file.path, file]));
  }

  get copied(): { readonly files: number; readonly bytes: number } {
    return this.#copied;
  }

  place(): string {
    return join(this.#options.contents, `${randomUUID()}.tmp`);
  }

  async add(
    path: string,
    source: BackupSource,
    onBytes: (bytes: number) => void,
  ): Promise<boolean> {
    try {
      const file = (await this.#same(path, source)) ?? {
        path,
        ...(await this.#copy(path, source, onBytes)),
      };
      this.#files.push(file);
      return true;
    } catch (error) {
      if ('file' in source && systemErrorCode(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** The file as the backup before has it, where nothing of it has changed since. */
  async #same(path: string, source: BackupSource): Promise<BackupFile | undefined> {
    const known = this.#known.get(path);
    if (!known?.stamp || !('file' in source) || source.bytes !== undefined) return undefined;
    const { files, contents } = this.#options;
    const isSame = (await files.stamp(source.file)) === known.stamp;
    return isSame && (await files.exists(join(contents, known.sha256))) ? known : undefined;
  }

  async #copy(
    path: string,
    source: BackupSource,
    onBytes: (bytes: number) => void,
  ): Promise<Omit<BackupFile, 'path'>> {
    const { files } = this.#options;
    if ('made' in source) return this.#adopt(source.made, await this.#hashOf(source.made, onBytes));
    const made = this.place();
    // Before it is read: a change meanwhile makes it another file next time.
    const stamp =
      'file' in source && source.bytes === undefined ? await files.stamp(source.file) : undefined;
    const target = await files.open(made, 'write');
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      if ('text' in source) {
        const text = Buffer.from(source.text);
        await target.write(text, 0);
        hash.update(text);
        bytes = text.length;
      } else {
        bytes = await this.#through(source, onBytes, async (piece, at) => {
          hash.update(piece);
          await target.write(piece, at);
        });
        if (bytes < (source.bytes ?? 0)) throw cutShort(path, source.bytes ?? 0, bytes);
      }
      await target.sync();
    } finally {
      await target.close();
    }
    const content = await this.#adopt(made, { hash, bytes });
    return stamp === undefined ? content : { ...content, stamp };
  }

  async #hashOf(file: string, onBytes: (bytes: number) => void) {
    const hash = createHash('sha256');
    const bytes = await this.#through({ file }, onBytes, async (piece) => {
      hash.update(piece);
    });
    const handle = await this.#options.files.open(file, 'write');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    return { hash, bytes };
  }

  /** Gives the bytes to `take`, a piece at a time. Returns how many there were. */
  async #through(
    { file, bytes: most = Number.POSITIVE_INFINITY }: { file: string; bytes?: number },
    onBytes: (bytes: number) => void,
    take: (piece: Buffer, at: number) => Promise<void>,
  ): Promise<number> {
    const from: FileHandle = await this.#options.files.open(file, 'read');
    try {
      let at = 0;
      while (at < most) {
        const piece = await from.read(at, Math.min(PIECE_BYTES, most - at));
        if (piece.length === 0) break;
        await take(piece, at);
        at += piece.length;
        onBytes(piece.length);
      }
      return at;
    } finally {
      await from.close();
    }
  }

  /** Gives what was made its name; there it may be already. */
  async #adopt(made: string, { hash, bytes }: { hash: Hash; bytes: number }) {
    const { files, contents } = this.#options;
    const sha256 = hash.digest('hex');
    const path = join(contents, sha256);
    if (await files.exists(path)) await files.remove(made);
    else {
      await files.rename(made, path);
      this.#copied = { files: this.#copied.files + 1, bytes: this.#copied.bytes + bytes };
    }
    return { bytes, sha256 };
  }

  manifest(facts: BackupFacts): BackupManifest {
    return { format: 1, id: this.id, ...facts, files: this.#files };
  }

  async end(manifest: BackupManifest): Promise<void> {
    await this.#options.files.syncFolder(this.#options.contents);
    await this.#options.list(manifest);
  }
}

const cutShort = (path: string, wanted: number, bytes: number): MillraceError =>
  new MillraceError(
    'MR_BACKUP_FAILED',
    `${path} has ${bytes} bytes where the log says ${wanted}: its end is missing. See what \`millrace verify\` finds.`,
  );
