// Makes the Python that interop tests use, once, and prints the path of its interpreter.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const REQUIREMENTS = join(ROOT, 'test/interop/requirements.txt');
const VERSION_MIN = [3, 10];

// Standard output is the path alone; what is done is told beside it.
const say = (text) => process.stderr.write(`python-env: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

function pythonVersion() {
  const answer = spawnSync('python3', ['--version'], { encoding: 'utf8' });
  if (answer.error || answer.status !== 0)
    fail(
      'python3 was not found. Install Python 3.10 or newer: apt-get install python3 python3-venv, or brew install python.',
    );
  return answer.stdout.trim().split(' ')[1];
}

function checkPython(version) {
  const [major, minor] = version.split('.').map(Number);
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1]))
    fail(`python3 is ${version}; the packages need ${VERSION_MIN.join('.')} or newer.`);
  const answer = spawnSync('python3', ['-c', 'import venv, ensurepip'], { encoding: 'utf8' });
  if (answer.status !== 0)
    fail('python3 has no venv. Install it: apt-get install python3-venv (on Debian and Ubuntu).');
}

function install(folder) {
  // A build of its own and a rename: two runs at once, or one killed halfway, leave no half of it.
  const building = `${folder}.${process.pid}`;
  const interpreter = join(building, 'bin/python');
  try {
    execFileSync('python3', ['-m', 'venv', building], { stdio: ['ignore', 2, 2] });
    execFileSync(
      interpreter,
      [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--requirement',
        REQUIREMENTS,
      ],
      { stdio: ['ignore', 2, 2] },
    );
    if (!existsSync(folder)) renameSync(building, folder);
  } catch (error) {
    if (!existsSync(folder)) fail(`the packages could not be installed: ${error.message}`);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

const version = pythonVersion();
const key = createHash('sha256').update(version).update(readFileSync(REQUIREMENTS)).digest('hex');
const folder = join(ROOT, '.cache/python', key.slice(0, 16));
if (!existsSync(folder)) {
  checkPython(version);
  mkdirSync(join(ROOT, '.cache/python'), { recursive: true });
  say(`installing test/interop/requirements.txt for Python ${version} into .cache/python …`);
  const startMs = Date.now();
  install(folder);
  say(`done in ${Math.round((Date.now() - startMs) / 1000)} s`);
}
process.stdout.write(`${join(folder, 'bin/python')}\n`);
