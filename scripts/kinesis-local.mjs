// Installs the Kinesis that millrace's answers are compared with, once, and prints the path of its program.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '0.6.2';
const CACHE = fileURLToPath(new URL('../.cache/kinesis-local', import.meta.url));

// Standard output is the path alone; what is done is told beside it.
const say = (text) => process.stderr.write(`kinesis-local: ${text}\n`);

function install(folder) {
  // A folder of its own and a rename: two runs at once, or one killed halfway, leave no half of it.
  const building = `${folder}.${process.pid}`;
  mkdirSync(building, { recursive: true });
  const options = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
  try {
    execFileSync('npm', ['install', ...options, '--prefix', building, `kinesis-local@${VERSION}`], {
      stdio: ['ignore', 2, 2],
    });
    if (!existsSync(folder)) renameSync(building, folder);
  } catch (error) {
    if (existsSync(folder)) return;
    say(`it could not be installed: ${error.message}`);
    process.exit(1);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

const folder = join(CACHE, VERSION);
if (!existsSync(folder)) {
  say(`installing kinesis-local ${VERSION} into .cache/kinesis-local …`);
  install(folder);
}
process.stdout.write(`${join(folder, 'node_modules/kinesis-local/main.js')}\n`);
