import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readlinkSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

export interface SmallDisk {
  /** Where it is mounted, for processes that `via` starts. */
  readonly path: string;
  /** Words before a command that is to see it. */
  readonly via: readonly string[];
  /** Takes so much of its space, or all that is left. */
  take(megabytes?: number): void;
  /** Gives back what was taken. */
  free(): void;
}

const NAMESPACES: readonly (readonly [unshare: string[], enter: string[]])[] = [
  [['--mount'], ['-m']],
  [
    ['--mount', '--map-root-user'],
    ['-m', '-U', '--preserve-credentials'],
  ],
];

/**
 * A real disk of a few megabytes: a tmpfs in a mount namespace of its own, so that nothing is mounted for
 * others and all of it is gone when `onEnd` calls. Works for root, and for others where the kernel lets them.
 * Where neither does it answers why.
 */
export async function smallDisk(
  folder: string,
  megabytes: number,
  onEnd: (release: () => void) => void,
): Promise<SmallDisk | string> {
  const path = join(folder, 'disk');
  mkdirSync(path);
  const reasons: string[] = [];
  for (const [flags, enter] of NAMESPACES) {
    const mount = `mount -t tmpfs -o size=${megabytes}m tmpfs "$1" && exec sleep 100000`;
    const holder = spawn('unshare', [...flags, 'sh', '-c', mount, 'sh', path], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const problem = await mounted(holder, path);
    if (problem !== undefined) {
      reasons.push(problem);
      continue;
    }
    onEnd(() => {
      holder.kill('SIGKILL');
    });
    return diskOf(holder, path, enter);
  }
  return `no small disk can be mounted here: ${reasons.join('; ')}`;
}

/** Undefined once it is there; else what went wrong. */
function mounted(holder: ChildProcess, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = '';
    holder.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    holder.once('error', (error) => resolve(error.message));
    holder.once('exit', () => resolve(said.trim()));
    const isThere = () =>
      existsSync(seen(holder, path)) &&
      statfsSync(seen(holder, path)).type === TMPFS_MAGIC &&
      readlinkSync(`/proc/${holder.pid}/ns/mnt`) !== readlinkSync('/proc/self/ns/mnt');
    eventually(() => (isThere() ? true : undefined), 5000).then(
      () => resolve(undefined),
      () => resolve(said.trim() || 'it took too long'),
    );
  });
}

const TMPFS_MAGIC = 0x01021994;

/** A path of the other namespace, from here. */
const seen = (holder: ChildProcess, path: string): string => `/proc/${holder.pid}/root${path}`;

function diskOf(holder: ChildProcess, path: string, enter: readonly string[]): SmallDisk {
  const filler = join(seen(holder, path), 'filler');
  return {
    path,
    via: ['nsenter', '-t', String(holder.pid), ...enter, '--'],
    take: (megabytes) => {
      const words = [
        ...['if=/dev/zero', `of=${filler}`, 'bs=4096', 'oflag=append', 'conv=notrunc'],
        ...(megabytes === undefined ? [] : [`count=${megabytes * 256}`]),
      ];
      try {
        execFileSync('dd', words, { stdio: 'pipe' });
      } catch (error) {
        // It ends when the disk is full: that is what it is for.
        if (!/No space left/.test(String((error as { stderr?: Buffer }).stderr))) throw error;
      }
    },
    free: () => rmSync(filler),
  };
}
