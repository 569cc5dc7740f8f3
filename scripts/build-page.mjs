// Builds web/ to dist/web/ with Vite and compresses it once; nothing is done where nothing has changed.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';
import { bundleOnce } from './build-inputs.mjs';

const ALWAYS = [
  'package-lock.json',
  'scripts/build-inputs.mjs',
  'scripts/build-page.mjs',
  'web/vite.config.ts',
  'web/index.html',
];
const COMPRESSED = new Set(['.html', '.js', '.css', '.svg']);
/** Below this a header costs more than compression saves. */
const COMPRESSED_BYTES_MIN = 1024;

export async function buildPage(root) {
  const folder = join(root, 'dist/web');
  const still = readdirSync(join(root, 'web/public')).map((name) => `web/public/${name}`);
  const inputs = {
    record: join(root, '.cache/page-inputs.json'),
    output: join(folder, 'index.html'),
    always: [...ALWAYS, ...still],
  };
  await bundleOnce(root, inputs, async (plugin) => {
    await build({
      configFile: join(root, 'web/vite.config.ts'),
      logLevel: 'warn',
      plugins: [plugin],
    });
    compress(folder);
  });
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
