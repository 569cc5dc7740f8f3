// `npm run test:lake`: builds, installs Spark, Trino, MinIO and DuckDB's Iceberg extension, and runs test/engines with them.
import { spawnSync } from 'node:child_process';

const steps = [
  ['node', ['scripts/build.mjs']],
  ['node', ['scripts/lake-env.mjs']],
  // File by file: an engine of a gigabyte at a time.
  [
    'npx',
    ['vitest', 'run', '--project', 'lake', '--no-file-parallelism', ...process.argv.slice(2)],
  ],
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
