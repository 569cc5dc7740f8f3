// Compiles src/ to dist/, the page to dist/web/ and the program that draws to its folder, and removes what no source
// stands behind any more.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPage } from './build-page.mjs';
import { buildRender, renderFolder } from './build-render.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const bundled = [join(dist, 'web'), renderFolder(root)];

async function compile() {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const child = spawn(tsc, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  // tsc has printed what is wrong.
  if (code !== 0) process.exit(1);
}

function removeOrphans() {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || bundled.some((folder) => path.startsWith(folder))) continue;
    const source = join(root, 'src', relative(dist, path).replace(/(\.d\.ts|\.js)$/, '.ts'));
    if (!existsSync(source)) rmSync(path);
  }
}

await Promise.all([compile(), buildPage(root), buildRender(root)]);
removeOrphans();
