import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ROOT, temporaryFolder } from './support/folders.mjs';
import { watchMachine } from './support/machine.mjs';
import { progress, report } from './support/report.mjs';

/** P13: what `npm install millrace` puts on a disk. */

const ANCHOR = ['fastify', '@duckdb/node-api', 'lmdb'];

export async function size() {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const { version, dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  npm(ROOT, 'pack', '--silent', '--pack-destination', folder);
  const archive = join(folder, `millrace-${version}.tgz`);
  const millrace = install(join(folder, 'millrace'), [archive]);
  const bare = install(
    join(folder, 'bare'),
    ANCHOR.map((name) => `${name}@${dependencies[name]}`),
  );
  const own = diskBytes(join(folder, 'millrace', 'node_modules', 'millrace'));
  report({
    name: 'size',
    title: 'P13 size: the packed package, installed with production dependencies only',
    anchor: `${ANCHOR.join(' + ')}, same versions`,
    rows: [
      {
        measure: 'on disk',
        unit: 'MB',
        value: millrace.megabytes,
        anchor: bare.megabytes,
        ship: [['value', '<=', 150]],
        goal: [['value', '<=', 125]],
      },
      {
        measure: 'packages',
        value: millrace.packages.length,
        anchor: bare.packages.length,
        ship: [['value', '<=', 120]],
        goal: [['value', '<=', 120]],
      },
      { measure: 'the package itself', unit: 'MB', value: own / 1e6 },
      { measure: 'the archive', unit: 'MB', value: lstatSync(archive).size / 1e6 },
    ],
    notes: [`largest: ${largest(join(folder, 'millrace', 'node_modules'), millrace.packages)}`],
    rounds: { packages: millrace.packages },
    machine: machine(),
  });
}

function npm(folder, ...args) {
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}

function install(folder, packages) {
  progress(`installing ${packages.map((name) => name.split('/').at(-1)).join(', ')} …`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  const quiet = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
  npm(folder, 'install', '--omit=dev', ...quiet, ...packages);
  const modules = join(folder, 'node_modules');
  return { megabytes: diskBytes(modules) / 1e6, packages: packagesOf(modules) };
}

/** Paths of all packages below, nested ones too. */
function packagesOf(modules, prefix = '') {
  const found = [];
  for (const name of readdirSync(join(modules, prefix))) {
    if (name.startsWith('.')) continue;
    const path = join(prefix, name);
    if (name.startsWith('@')) {
      found.push(...packagesOf(modules, path));
      continue;
    }
    if (existsSync(join(modules, path, 'package.json'))) found.push(path);
    const nested = join(path, 'node_modules');
    if (existsSync(join(modules, nested))) found.push(...packagesOf(modules, nested));
  }
  return found;
}

/** Blocks on disk, as `du` counts them. */
function diskBytes(path) {
  const stat = lstatSync(path);
  const own = stat.blocks * 512;
  if (!stat.isDirectory()) return own;
  return readdirSync(path).reduce((total, name) => total + diskBytes(join(path, name)), own);
}

function largest(modules, packages) {
  const sized = packages.map((name) => [name, diskBytes(join(modules, name)) / 1e6]);
  sized.sort(([, a], [, b]) => b - a);
  return sized
    .slice(0, 8)
    .map(([name, megabytes]) => `${name} ${megabytes.toFixed(1)}`)
    .join(', ');
}
