// Builds web/ to dist/web/ with Vite and compresses it once; nothing is done where nothing has changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

/** Besides the modules that Vite names: what they are built with, and packages by their versions. */
const ALWAYS = [
  'package-lock.json',
  'scripts/build-page.mjs',
  'web/vite.config.ts',
  'web/index.html',
];
const COMPRESSED = new Set(['.html', '.js', '.css', '.svg']);
/** Below this a header costs more than compression saves. */
const COMPRESSED_BYTES_MIN = 1024;

export async function buildPage(root) {
  const folder = join(root, 'dist/web');
  const record = join(root, '.cache/page-inputs.json');
  if (isCurrent(root, folder, record)) return;
  const modules = new Set();
  await build({
    configFile: join(root, 'web/vite.config.ts'),
    logLevel: 'warn',
    plugins: [
      {
        name: 'millrace-inputs',
        buildEnd() {
          for (const id of this.getModuleIds()) modules.add(id.split('?')[0]);
        },
      },
    ],
  });
  compress(folder);
  writeRecord(root, record, [...modules]);
}

/** A new file can only join by a change of one that is part already, so these decide. */
function isCurrent(root, folder, record) {
  if (!existsSync(record) || !existsSync(join(folder, 'index.html'))) return false;
  const before = JSON.parse(readFileSync(record, 'utf8'));
  return Object.entries(before).every(([path, hash]) => hashOf(join(root, path)) === hash);
}

function writeRecord(root, record, modules) {
  const own = modules
    .map((path) => relative(root, path))
    .filter(
      (path) =>
        !path.startsWith('..') && !path.includes('node_modules') && existsSync(join(root, path)),
    );
  const still = readdirSync(join(root, 'web/public')).map((name) => `web/public/${name}`);
  mkdirSync(join(root, '.cache'), { recursive: true });
  const inputs = [...new Set([...ALWAYS, ...still, ...own])].sort();
  writeFileSync(
    record,
    JSON.stringify(Object.fromEntries(inputs.map((path) => [path, hashOf(join(root, path))]))),
  );
}

function hashOf(path) {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : null;
}

function compress(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !COMPRESSED.has(extname(entry.name))) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    if (bytes.length < COMPRESSED_BYTES_MIN) continue;
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    const options = {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    };
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, options));
  }
}
