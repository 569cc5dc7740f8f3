// `npm test`: builds, installs what tests need (a Python environment, Chromium), runs every test.
import { runSteps } from './run-steps.mjs';

runSteps([
  ['node', ['scripts/build.mjs']],
  ['node', ['scripts/python-env.mjs']],
  ['node', ['scripts/browser.mjs']],
  ['npx', ['vitest', 'run', '--project', 'unit']],
  ['npx', ['vitest', 'run', '--project', 'whole']],
]);
