// `npm run test:aws`: builds, installs Amazon's own Java clients, DynamoDB Local and kinesis-local, and runs test/aws with them.
import { spawnSync } from 'node:child_process';

const steps = [
  ['node', ['scripts/build.mjs']],
  ['node', ['scripts/java-env.mjs']],
  ['node', ['scripts/kinesis-local.mjs']],
  ['npx', ['vitest', 'run', '--project', 'aws', ...process.argv.slice(2)]],
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
