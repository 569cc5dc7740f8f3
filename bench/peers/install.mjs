import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endWithBench } from '../support/children.mjs';
import { CACHE } from '../support/folders.mjs';
import { progress } from '../support/report.mjs';

/** How peers come into the cache: by the machine's package managers, each once. */

const PEERS = join(CACHE, 'peers');
const INSTALL_MS_MAX = 20 * 60_000;

/** Why a peer is not in the table; it is named there with this. */
export class NotHad extends Error {}

/** The folder of what `make` put into it, made once. What is left by one that failed is not taken for it. */
export async function keptFolder(name, make) {
  const kept = join(PEERS, name);
  if (existsSync(kept)) return kept;
  progress(`installing ${name}, once …`);
  const part = `${kept}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  await make(part);
  renameSync(part, kept);
  return kept;
}

const execute = promisify(execFile);

/** What the command prints; one that is missing or fails says why its peer is not had. */
export async function output(command, args, options = {}) {
  const running = execute(command, args, {
    timeout: INSTALL_MS_MAX,
    maxBuffer: 64e6,
    ...options,
    env: { ...process.env, ...options.env },
  });
  endWithBench(running.child);
  try {
    return (await running).stdout;
  } catch (error) {
    if (error.code === 'ENOENT') throw new NotHad(`${command} is not installed`);
    const said = `${error.stderr ?? ''}`.trim().split('\n').at(-1) || error.message;
    throw new NotHad(`\`${[command, ...args].join(' ').slice(0, 100)}\` failed: ${said}`);
  }
}

/**
 * Debian packages with what they need, unpacked into the cache and not installed: no server of the
 * system's is started, and nobody needs to be root. What the system has already is not fetched.
 */
export function debianPackages(names) {
  return keptFolder(`debian-${names.join('-')}`, async (folder) => {
    const archives = join(folder, 'archives');
    mkdirSync(join(archives, 'partial'), { recursive: true });
    const get = ['install', '--yes', '--download-only', '--no-install-recommends'];
    const into = ['-o', `Dir::Cache::archives=${archives}`, '-o', 'Debug::NoLocking=1'];
    const download = () => output('apt-get', [...get, ...into, ...names]);
    // A new machine has no lists of packages yet, and only root may fetch them.
    const withLists = async () => {
      await output('apt-get', ['update']);
      await download();
    };
    await download()
      .catch(withLists)
      .catch((error) => {
        const how = `\`apt-get update && apt-get install ${names.join(' ')}\``;
        throw new NotHad(`${error.message}; as root, try ${how}`);
      });
    for (const archive of readdirSync(archives).filter((name) => name.endsWith('.deb')))
      await output('dpkg-deb', ['-x', join(archives, archive), folder]);
    rmSync(archives, { recursive: true });
  });
}

/** Where in an unpacked folder the loader looks for libraries. */
export function librariesOf(folder) {
  return ['lib', 'usr/lib']
    .map((name) => join(folder, name))
    .filter((library) => existsSync(library))
    .flatMap((library) => readdirSync(library).map((name) => join(library, name)))
    .filter((path) => path.endsWith('-linux-gnu'));
}

/** The folder of the unpacked packages, or undefined where the system has the program. */
export async function debianUnless(program, names) {
  try {
    await output(program, ['--version']);
    return undefined;
  } catch {
    return debianPackages(names);
  }
}
