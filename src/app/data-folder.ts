import { existsSync, readFileSync } from 'node:fs';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MillraceError, systemErrorCode } from '../core/errors.ts';

/** What `run.json` tells the command line of the running process. */
export interface RunFile {
  readonly pid: number;
  readonly http: string;
  /** A key that lives as long as the process; only the folder's owner can read it. */
  readonly key: string;
  readonly pipeline: string;
}

/** In a folder that a backup is being restored to: until it is gone, part of it may be missing. */
export const RESTORING = 'restoring.json';

/** @throws MillraceError MR_BACKUP_REFUSED where a restore was broken off */
export function refuseHalfRestored(folder: string): void {
  if (existsSync(join(folder, RESTORING)))
    throw new MillraceError(
      'MR_BACKUP_REFUSED',
      `A restore into ${folder} was broken off, and part of it may be missing. Restore it again, into the same folder; it begins anew.`,
    );
}

export function dataFolderFor(pipeline: string, option: string | undefined): string {
  return resolve(option ?? process.env['MILLRACE_DATA'] ?? join(dirname(pipeline), '.millrace'));
}

/** Where the tables are; undefined for where they are already. */
export const lakePlaceFor = (option: string | undefined): string | undefined =>
  // A variable that is set to nothing counts as not set.
  option ?? (process.env['MILLRACE_LAKE'] || undefined);

interface Owner {
  readonly pid: number;
  /** Start of the process in clock ticks: a pid may be used again. Absent where the system has no /proc. */
  readonly started: string | undefined;
}

/**
 * Makes this process the owner of the folder. The returned function gives it up.
 * @throws MillraceError MR_STORAGE_LOCKED naming the owner.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'lock');
  const mine = `${path}.${process.pid}`;
  await writeFile(
    mine,
    JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Owner),
    { mode: 0o600 },
  );
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        // A link is made whole or not at all: nobody can read a half-written lock.
        await link(mine, path);
        return () => rm(path, { force: true });
      } catch (error) {
        if (systemErrorCode(error) !== 'EEXIST') throw error;
        const owner = await readOwner(path);
        if (owner && isAlive(owner)) throw locked(folder, owner.pid);
        await rm(path, { force: true });
      }
    }
    throw locked(folder, undefined);
  } finally {
    await rm(mine, { force: true });
  }
}

const locked = (folder: string, pid: number | undefined): MillraceError =>
  new MillraceError(
    'MR_STORAGE_LOCKED',
    `Process ${pid ?? '(just started)'} owns ${folder}. Stop it, or use another folder with --data.`,
    { details: { pid: pid ?? null } },
  );

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (systemErrorCode(error) === 'ESRCH') return false;
  }
  return owner.started === undefined || startOf(owner.pid) === owner.started;
}

function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (systemErrorCode(error) !== undefined) return undefined;
    throw error;
  }
}

export async function writeRunFile(folder: string, run: RunFile): Promise<void> {
  const path = join(folder, 'run.json');
  await writeFile(path, `${JSON.stringify(run)}\n`, { mode: 0o600 });
  await chmod(path, 0o600);
}

export async function removeRunFile(folder: string): Promise<void> {
  await rm(join(folder, 'run.json'), { force: true });
}

/** The running process that owns the folder, if one does. */
export async function findRunning(folder: string): Promise<RunFile | undefined> {
  const path = join(folder, 'run.json');
  if (!existsSync(path)) return undefined;
  const owner = await readOwner(join(folder, 'lock'));
  if (!owner || !isAlive(owner)) return undefined;
  return JSON.parse(await readFile(path, 'utf8')) as RunFile;
}
