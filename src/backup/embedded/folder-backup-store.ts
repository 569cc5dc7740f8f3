import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { MillraceError, systemErrorCode } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import {
  type BackupFile,
  type BackupManifest,
  type BackupStore,
  type BackupWriter,
  isBackupPath,
} from '../backup-store.ts';
import { FolderBackupWriter } from './folder-backup-writer.ts';

export interface BackupContext {
  readonly files: FileSystem;
  readonly clock: Clock;
}

const MANIFEST = 'manifest.json';
const CONTENTS = 'files';
/** Ids had no milliseconds once; those sort behind all of their second that have. */
const ID = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\.\d{3})?Z-[0-9a-f]{4}$/;
const PIECE_BYTES = 1024 * 1024;

/** `<id>/manifest.json` names the files of a backup by SHA-256; `files/` has each content once, of that name. */
export class FolderBackupStore implements BackupStore {
  readonly #folder: string;
  readonly #context: BackupContext;

  constructor(folder: string, context: BackupContext) {
    this.#folder = folder;
    this.#context = context;
  }

  async list(): Promise<readonly BackupManifest[]> {
    const { files } = this.#context;
    const manifests: BackupManifest[] = [];
    for (const { name } of await files.list(this.#folder)) {
      const path = join(this.#folder, name, MANIFEST);
      if (ID.test(name) && (await files.exists(path)))
        manifests.push(parseManifest(path, (await files.readFile(path)).toString()));
    }
    return manifests;
  }

  async find(id: string | undefined): Promise<BackupManifest> {
    const all = await this.list();
    const found = id === undefined ? all.at(-1) : all.find((one) => one.id === id);
    if (found) return found;
    const ids = all.map((one) => one.id).join(', ');
    throw new MillraceError(
      'MR_BACKUP_UNKNOWN',
      id === undefined || ids === ''
        ? `There is no backup in ${this.#folder}.`
        : `There is no backup '${id}' in ${this.#folder}. Backups are: ${ids}.`,
    );
  }

  async begin(): Promise<BackupWriter> {
    const { files, clock } = this.#context;
    const contents = join(this.#folder, CONTENTS);
    await files.makeFolder(contents);
    // What broke off goes at once where it has no name yet: the disk may be full of it.
    for (const { name } of await files.list(contents))
      if (!isContent(name)) await files.remove(join(contents, name));
    const last = (await this.list()).at(-1);
    return new FolderBackupWriter({
      id: idAfter(last?.id, clock.now()),
      files,
      contents,
      known: last?.files ?? [],
      list: (manifest) => this.#write(manifest),
    });
  }

  async #write(manifest: BackupManifest): Promise<void> {
    const { files } = this.#context;
    const folder = join(this.#folder, manifest.id);
    await files.makeFolder(folder);
    await files.replaceFile(join(folder, MANIFEST), manifestText(manifest));
    await this.#sweep();
  }

  /** Removes contents that no backup has, and folders of backups that were never listed. */
  async #sweep(): Promise<void> {
    const { files } = this.#context;
    const manifests = await this.list();
    const used = new Set(manifests.flatMap((one) => one.files.map(({ sha256 }) => sha256)));
    const contents = join(this.#folder, CONTENTS);
    for (const { name } of await files.list(contents))
      if (!used.has(name)) await files.remove(join(contents, name));
    for (const { name } of await files.list(this.#folder))
      if (ID.test(name) && !manifests.some((one) => one.id === name))
        await files.remove(join(this.#folder, name));
  }

  async *read(file: BackupFile): AsyncIterable<Buffer> {
    const { files } = this.#context;
    const path = this.contentOf(file);
    const hash = createHash('sha256');
    let handle: Awaited<ReturnType<FileSystem['open']>>;
    try {
      handle = await files.open(path, 'read');
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') throw damaged(path, file, 'is missing');
      throw error;
    }
    try {
      for (let at = 0; ; ) {
        const piece = await handle.read(at, PIECE_BYTES);
        if (piece.length === 0) break;
        hash.update(piece);
        at += piece.length;
        yield piece;
      }
    } finally {
      await handle.close();
    }
    if (hash.digest('hex') !== file.sha256) throw damaged(path, file, 'is not what was copied');
  }

  /** Where the content of a file lies. */
  contentOf({ sha256 }: BackupFile): string {
    return join(this.#folder, CONTENTS, sha256);
  }

  async keep(count: number): Promise<readonly string[]> {
    const { files } = this.#context;
    const over = (await this.list()).slice(0, -count).map(({ id }) => id);
    // First nobody lists it, then its contents go.
    for (const id of over) await files.remove(join(this.#folder, id, MANIFEST));
    for (const id of over) await files.syncFolder(join(this.#folder, id));
    if (over.length > 0) await this.#sweep();
    return over;
  }
}

/** Sorts behind the last one also where the clock gives its millisecond again, or an earlier one. */
function idAfter(last: string | undefined, nowMs: number): string {
  const [, year, month, day, hour, minute, second, part = '.999'] = ID.exec(last ?? '') ?? [];
  const lastMs = year
    ? Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${part}Z`)
    : 0;
  const time = new Date(Math.max(nowMs, lastMs + 1)).toISOString().replace(/[-:]/g, '');
  return `${time}-${randomUUID().slice(0, 4)}`;
}

const isContent = (name: string): boolean => /^[0-9a-f]{64}$/.test(name);

const damaged = (path: string, file: BackupFile, how: string): MillraceError =>
  new MillraceError(
    'MR_BACKUP_DAMAGED',
    `${path} ${how}: it is ${file.path} of ${file.bytes} bytes. Use another backup; remove it, and the next backup copies it again.`,
  );

const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Last line: the SHA-256 of those before. */
function manifestText(manifest: BackupManifest): string {
  const text = `${JSON.stringify(manifest)}\n`;
  return `${text}${sumOf(text)}\n`;
}

/** @throws MillraceError MR_BACKUP_DAMAGED, MR_STORAGE_FORMAT */
function parseManifest(path: string, text: string): BackupManifest {
  const end = text.indexOf('\n') + 1;
  if (end === 0 || text.slice(end).trim() !== sumOf(text.slice(0, end)))
    throw new MillraceError(
      'MR_BACKUP_DAMAGED',
      `${path} is damaged: which files the backup has is not known any more. Remove its folder to go on with the others.`,
    );
  const manifest = JSON.parse(text.slice(0, end)) as BackupManifest;
  if (manifest.format !== 1)
    throw new MillraceError(
      'MR_STORAGE_FORMAT',
      `${path} has format ${String(manifest.format)}; this version reads format 1. Use the version of millrace that wrote it.`,
    );
  const strange = manifest.files.find(
    ({ path: inside, sha256 }) => !isBackupPath(inside) || !isContent(sha256),
  );
  if (strange)
    throw new MillraceError(
      'MR_BACKUP_DAMAGED',
      `${path} names a file that cannot be: ${JSON.stringify(strange.path)}.`,
    );
  return manifest;
}
