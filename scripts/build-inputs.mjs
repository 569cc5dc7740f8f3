// What a bundle was made of, so that it is made again only when a part of it has changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/**
 * Runs `bundle(plugin)` unless `output` exists and nothing has changed since. The plugin notes the modules
 * that Vite names; `always` are the files it does not: what a bundle is built with, and packages by their versions.
 */
export async function bundleOnce(root, { record, output, always }, bundle) {
  if (isCurrent(root, record, output)) return;
  const modules = new Set();
  await bundle({
    name: 'millrace-inputs',
    buildEnd() {
      for (const id of this.getModuleIds()) modules.add(id.split('?')[0]);
    },
  });
  const own = [...modules]
    .map((path) => relative(root, path))
    .filter(
      (path) =>
        !path.startsWith('..') && !path.includes('node_modules') && existsSync(join(root, path)),
    );
  const inputs = [...new Set([...always, ...own])].sort();
  mkdirSync(dirname(record), { recursive: true });
  const hashes = inputs.map((path) => [path, hashOf(join(root, path))]);
  writeFileSync(record, JSON.stringify(Object.fromEntries(hashes)));
}

/** A new file can only join by a change of one that is part already, so these decide. */
function isCurrent(root, record, output) {
  if (!existsSync(record) || !existsSync(output)) return false;
  const before = JSON.parse(readFileSync(record, 'utf8'));
  return Object.entries(before).every(([path, hash]) => hashOf(join(root, path)) === hash);
}

function hashOf(path) {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : null;
}
