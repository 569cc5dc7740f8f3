// `npm test`: builds, installs what tests need (a Python environment, Chromium), runs every test.
import { spawnSync } from 'node:child_process';

const steps = [
  ['node', ['scripts/build.mjs']],
  ['node', ['scripts/python-env.mjs']],
  ['node', ['scripts/browser.mjs']],
  ['npx', ['vitest', 'run', '--project', 'unit']],
  ['npx', ['vitest', 'run', '--project', 'whole']],
];

for (const [command, args] of steps) {
  const { status } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, MILLRACE_BUILT: '1' },
  });
  if (status !== 0) {
    console.error(`\n${command} ${args.join(' ')} failed.`);
    process.exit(status ?? 1);
  }
}
