// `npm run test:page`: builds, installs a browser where there is none, looks at every page and drives dashboards at random.
import { runSteps } from './run-steps.mjs';

runSteps([
  ['node', ['scripts/build.mjs']],
  ['node', ['scripts/browser.mjs']],
  ['npx', ['vitest', 'run', '--project', 'page', ...process.argv.slice(2)]],
]);
