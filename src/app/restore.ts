import { chmod, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { BackupFile, BackupManifest, BackupStore } from '../backup/backup-store.ts';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { Logger } from '../core/logger.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import { backupsIn, storesOf } from '../target/embedded.ts';
import type { BackupProgress } from './backup.ts';
import { differencesOf } from './backup-check.ts';
import { lockFolder, RESTORING } from './data-folder.ts';

export interface RestoreRequest {
  /** Where the backups are. */
  readonly from: string;
  /** The newest where it is absent. */
  readonly id?: string;
  /** The data folder that is made. */
  readonly folder: string;
}

interface Context {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onProgress: (progress: BackupProgress) => void;
}

const totalOf = ({ files }: BackupManifest) => files.reduce((sum, { bytes }) => sum + bytes, 0);

/**
 * Makes a data folder of a backup. All of it is on disk, and held against its hashes, before the folder can be opened.
 * Its logs are put back: numbers from their ends on are given again, so whatever knows the old ones must be able to
 * tell (deliver/resume.ts).
 *
 * @throws MillraceError MR_BACKUP_UNKNOWN, MR_BACKUP_REFUSED, MR_BACKUP_DAMAGED, MR_STORAGE_LOCKED
 */
export async function restore(
  { from, id, folder }: RestoreRequest,
  { clock, logger, onProgress }: Context,
): Promise<BackupManifest> {
  const files = nodeFileSystem();
  const { store } = backupsIn(resolve(from), { files, clock, logger });
  const manifest = await store.find(id);
  const marker = join(folder, RESTORING);
  await refuseFull(files, folder, marker);
  const unlock = await lockFolder(folder);
  try {
    await files.replaceFile(marker, JSON.stringify({ from: resolve(from), id: manifest.id }));
    for (const { name } of await files.list(folder))
      if (name !== RESTORING && name !== 'lock') await files.remove(join(folder, name));
    await copyBack(files, store, { manifest, folder, onProgress });
    const onFatal = (error: MillraceError) => {
      throw error;
    };
    const stores = storesOf(files, folder, { clock, logger, onFatal });
    for (const logs of [stores.streams, stores.deadLetters, stores.createdStreams])
      for (const name of await logs.names()) await logs.putBack(name);
    const wrong = await differencesOf(stores);
    await rm(marker);
    await files.syncFolder(folder);
    return { ...manifest, notices: [...new Set([...manifest.notices, ...wrong])] };
  } finally {
    await unlock();
  }
}

/** What a restore that broke off has left may be made anew; nothing else is written over. */
async function refuseFull(files: FileSystem, folder: string, marker: string): Promise<void> {
  const names = (await files.list(folder)).map(({ name }) => name);
  if (names.length === 0 || (await files.exists(marker))) return;
  throw new MillraceError(
    'MR_BACKUP_REFUSED',
    `${folder} is not empty: a backup is restored into a new folder or an empty one. Move it away, or name another one with --data.`,
  );
}

async function copyBack(
  files: FileSystem,
  store: BackupStore,
  {
    manifest,
    folder,
    onProgress,
  }: {
    readonly manifest: BackupManifest;
    readonly folder: string;
    readonly onProgress: (progress: BackupProgress) => void;
  },
): Promise<void> {
  const totalBytes = totalOf(manifest);
  const folders = new Set<string>();
  let bytes = 0;
  for (const file of manifest.files) {
    const path = join(folder, ...file.path.split('/'));
    await files.makeFolder(dirname(path));
    folders.add(dirname(path));
    await copyOne(files, store, file, path);
    bytes += file.bytes;
    onProgress({ bytes, totalBytes });
  }
  for (const one of folders) await files.syncFolder(one);
  await chmod(join(folder, 'system'), 0o700);
}

async function copyOne(
  files: FileSystem,
  store: BackupStore,
  file: BackupFile,
  path: string,
): Promise<void> {
  const handle = await files.open(path, 'write');
  try {
    let at = 0;
    for await (const piece of store.read(file)) {
      await handle.write(piece, at);
      at += piece.length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Reads all files of a backup and opens its logs and tables. Returns what is wrong with it. */
export async function verifyBackup(
  { from, id }: Pick<RestoreRequest, 'from' | 'id'>,
  { clock, logger, onProgress }: Context,
): Promise<{ readonly manifest: BackupManifest; readonly wrong: readonly string[] }> {
  const backups = backupsIn(resolve(from), { files: nodeFileSystem(), clock, logger });
  const manifest = await backups.store.find(id);
  const totalBytes = totalOf(manifest);
  const wrong: string[] = [];
  let bytes = 0;
  for (const file of manifest.files) {
    try {
      for await (const piece of backups.store.read(file)) {
        bytes += piece.length;
        onProgress({ bytes, totalBytes });
      }
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'MR_BACKUP_DAMAGED') throw error;
      wrong.push(error.message);
    }
  }
  return { manifest, wrong: [...wrong, ...(await differencesOf(backups.storesOf(manifest)))] };
}

export async function listBackups(
  from: string,
  { clock, logger }: Omit<Context, 'onProgress'>,
): Promise<readonly BackupManifest[]> {
  return backupsIn(resolve(from), { files: nodeFileSystem(), clock, logger }).store.list();
}
