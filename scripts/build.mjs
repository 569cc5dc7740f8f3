// Compiles src/ to dist/ and removes what no source stands behind any more.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, 'node_modules', '.bin', 'tsc');
try {
  execFileSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
} catch {
  // tsc has printed what is wrong.
  process.exit(1);
}
const dist = join(root, 'dist');
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name);
  const source = join(root, 'src', relative(dist, path).replace(/(\.d\.ts|\.js)$/, '.ts'));
  if (!existsSync(source)) rmSync(path);
}
