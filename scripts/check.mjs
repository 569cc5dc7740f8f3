// `npm run check`: what a change must pass before it is committed, in under two minutes.
import { spawnSync } from 'node:child_process';

const steps = [
  ['format and lint', 'npx', ['biome', 'check', '.']],
  ['types', 'npx', ['tsc', '-p', 'tsconfig.json']],
  ['types of the page', 'npx', ['tsc', '-p', 'web/tsconfig.json']],
  ['build', 'node', ['scripts/build.mjs']],
  ['generated files', 'node', ['scripts/generate.mjs', '--check']],
  ['unused code and dependencies', 'npx', ['knip']],
  ['package', 'npm', ['run', '--silent', 'pack:check']],
  ['unit tests', 'npx', ['vitest', 'run', '--project', 'unit']],
];

let failed = 0;
for (const [name, command, args] of steps) {
  const start = Date.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, MILLRACE_BUILT: '1' },
  });
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  if (status === 0) continue;
  failed += 1;
  console.log(`${stdout}\n${stderr}`);
}
process.exit(failed === 0 ? 0 : 1);
