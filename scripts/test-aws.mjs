// `npm run test:aws`: builds, installs Amazon's own Java clients, DynamoDB Local and kinesis-local, and runs test/aws with them.
import { runSteps } from './run-steps.mjs';

runSteps([
  ['node', ['scripts/build.mjs']],
  ['node', ['scripts/java-env.mjs']],
  ['node', ['scripts/kinesis-local.mjs']],
  ['npx', ['vitest', 'run', '--project', 'aws', ...process.argv.slice(2)]],
]);
