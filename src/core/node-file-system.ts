import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { MillraceError, systemErrorCode } from './errors.ts';
import type { FileHandle, FileSystem, OpenMode } from './file-system.ts';

/** The machine's own files. `durable` uses O_DIRECT | O_DSYNC where the disk takes it. */
export function nodeFileSystem(): FileSystem {
  return {
    open: openFile,
    readFile: (path) => fs.readFile(path),
    replaceFile,
    list,
    makeFolder,
    remove: (path) => fs.rm(path, { recursive: true, force: true }),
    rename: (from, to) => fs.rename(from, to),
    syncFolder,
    exists: (path) =>
      fs.access(path).then(
        () => true,
        () => false,
      ),
    changedMs: async (path) => (await fs.stat(path)).mtimeMs,
    stamp: async (path) => {
      const { ino, size, mtimeNs, ctimeNs } = await fs.stat(path, { bigint: true });
      return [ino, size, mtimeNs, ctimeNs].join(' ');
    },
  };
}

/** New folders survive a power cut with the folders they are in. */
async function makeFolder(path: string): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let folder = path; ; folder = dirname(folder)) {
    await syncFolder(dirname(folder));
    if (folder === first || folder === dirname(folder)) return;
  }
}

async function openFile(path: string, mode: OpenMode): Promise<FileHandle> {
  if (mode === 'read') return wrap(await fs.open(path, 'r'));
  if (mode === 'scan') return openScan(path);
  const buffered = await fs.open(path, WRITABLE, 0o600);
  if (mode === 'write') return wrap(buffered);
  const direct = await openDirect(path);
  if (!direct) return durable(wrap(buffered));
  await buffered.close();
  return directOrBuffered(path, wrap(direct));
}

const WRITABLE = constants.O_RDWR | constants.O_CREAT;

/** O_DIRECT past the page cache is the cheapest durable write (ingest-ceiling.md §4); not every disk has it. */
async function openDirect(path: string): Promise<fs.FileHandle | undefined> {
  if (constants.O_DIRECT === undefined || constants.O_DSYNC === undefined) return undefined;
  return openWith(path, WRITABLE | constants.O_DIRECT | constants.O_DSYNC);
}

/** Undefined where the disk does not know the flags. */
async function openWith(path: string, flags: number): Promise<fs.FileHandle | undefined> {
  try {
    return await fs.open(path, flags, 0o600);
  } catch (error) {
    if (systemErrorCode(error) === 'EINVAL') return undefined;
    throw error;
  }
}

/** Past the page cache: a page for bytes that are read once costs more than the reading (figures.md). */
async function openScan(path: string): Promise<FileHandle> {
  const direct = await openWith(path, constants.O_RDONLY | (constants.O_DIRECT ?? 0));
  let current = wrap(direct ?? (await fs.open(path, 'r')));
  return {
    ...current,
    async read(position, length, into) {
      try {
        return await current.read(position, length, into);
      } catch (error) {
        if (!direct || systemErrorCode(error) !== 'EINVAL') throw error;
        await current.close();
        current = wrap(await fs.open(path, 'r'));
        return current.read(position, length, into);
      }
    },
    close: () => current.close(),
  };
}

/** A buffered handle whose every write is followed by fdatasync. */
function durable(handle: FileHandle): FileHandle {
  return {
    ...handle,
    async write(bytes, position) {
      await handle.write(bytes, position);
      await handle.sync();
    },
  };
}

/** Some disks take O_DIRECT when opening and refuse it (EINVAL) when writing: then the buffered way serves. */
function directOrBuffered(path: string, direct: FileHandle): FileHandle {
  let current = direct;
  return {
    async write(bytes, position) {
      try {
        await current.write(bytes, position);
      } catch (error) {
        if (current !== direct || systemErrorCode(error) !== 'EINVAL') throw error;
        current = durable(wrap(await fs.open(path, WRITABLE, 0o600)));
        await direct.close();
        await current.write(bytes, position);
      }
    },
    // O_DIRECT reads want aligned memory; readers open a handle of their own.
    read: (position, length, into) => current.read(position, length, into),
    sync: () => current.sync(),
    truncate: (length) => current.truncate(length),
    size: () => current.size(),
    close: () => current.close(),
  };
}

function wrap(file: fs.FileHandle): FileHandle {
  return {
    async write(bytes, position) {
      const { bytesWritten } = await file.write(bytes, 0, bytes.length, position);
      if (bytesWritten !== bytes.length) throw shortWrite(bytesWritten, bytes.length);
    },
    async read(position, length, into) {
      const buffer = into && into.length >= length ? into : Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    sync: () => file.datasync(),
    truncate: (length) => file.truncate(length),
    size: async () => (await file.stat()).size,
    close: () => file.close(),
  };
}

/** At disk full Node calls back without an error but with fewer bytes (reliability.md §1.6). */
function shortWrite(written: number, wanted: number): MillraceError {
  return new MillraceError(
    'MR_STORAGE_FULL',
    `Only ${written} of ${wanted} bytes could be written: the disk is full. Free disk space.`,
  );
}

async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await fs.open(temporary, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(temporary, path);
  await syncFolder(dirname(path));
}

async function list(folder: string): Promise<{ name: string; isFolder: boolean }[]> {
  try {
    const entries = await fs.readdir(folder, { withFileTypes: true });
    return entries
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
