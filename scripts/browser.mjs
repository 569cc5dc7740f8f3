// Finds the Chromium that tests drive, installs it through the machine's package manager where there is none,
// and prints its path.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

// Standard output is the path alone; what is done is told beside it.
const say = (text) => process.stderr.write(`browser: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findBrowser() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const named = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...named, ...ELSEWHERE].find((path) => existsSync(path) && isExecutable(path));
}

/** The command in front of what only root may do; undefined where this user cannot. */
function asRoot() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

function install() {
  const before = asRoot();
  if (before === undefined || spawnSync('apt-get', ['--version']).status !== 0)
    fail(
      'no Chromium or Chrome was found. Install one: apt-get install chromium, dnf install chromium, or brew install --cask chromium.',
    );
  const run = (...args) => {
    const [command, ...rest] = [...before, ...args];
    const { status } = spawnSync(command, rest, {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    return status === 0;
  };
  say('installing chromium with apt-get …');
  const args = ['install', '--yes', '--no-install-recommends', 'chromium'];
  if (!run('apt-get', ...args) && !(run('apt-get', 'update') && run('apt-get', ...args)))
    fail('chromium could not be installed; apt-get says why above.');
}

let browser = process.env.MILLRACE_BROWSER ?? findBrowser();
if (browser === undefined) {
  install();
  browser = findBrowser();
}
if (browser === undefined) fail('chromium was installed, and cannot be found on PATH.');
process.stdout.write(`${browser}\n`);
