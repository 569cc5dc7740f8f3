import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** In the checkout and not in the system's temporary folder, which may live in memory: disks are measured. */
export const CACHE = join(ROOT, '.cache', 'bench');

/** A folder for one run, gone when it ends, however it does. */
export function temporaryFolder() {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'run-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  return folder;
}
