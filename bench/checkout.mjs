import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { launchChromium } from './support/chromium.mjs';
import { ROOT, temporaryFolder } from './support/folders.mjs';
import { watchMachine } from './support/machine.mjs';
import { progress, report } from './support/report.mjs';

/** P14: from nothing to the first chart with data, by the README's commands, with an npm cache that is empty. */

const FIRST_CHART_MS = 300_000;

export async function checkout() {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const clone = join(folder, 'millrace');
  const start = performance.now();
  const steps = [];
  const step = (name) => {
    const seconds = (performance.now() - start) / 1000;
    steps.push({ name, seconds: seconds - (steps.at(-1)?.atSecond ?? 0), atSecond: seconds });
    progress(`${name}: ${seconds.toFixed(1)} s`);
  };
  run('git', ['clone', '--quiet', '--no-hardlinks', ROOT, clone], folder);
  step('git clone');
  run('npm', ['ci', '--cache', join(folder, 'npm-cache')], clone);
  step('npm ci');
  const child = spawn('npm', ['start'], {
    cwd: clone,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, MILLRACE_PORT: '0' },
    // Its own group, so that the end reaches all that it starts.
    detached: true,
  });
  const end = () => child.exitCode === null && process.kill(-child.pid, 'SIGTERM');
  process.once('exit', end);
  const url = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ready = /Open the page: +(http\S+)/.exec(line);
      if (ready) resolve(ready[1]);
    });
  });
  step('npm start → ready');
  const browser = await launchChromium();
  const page = await browser.newPage();
  await page.goto(url);
  await page.locator('[data-exact]:not([data-exact=""], [data-exact="0"])').first().waitFor({
    timeout: FIRST_CHART_MS,
  });
  await page.locator('figure svg path').nth(6).waitFor({ state: 'attached' });
  step('first chart with data');
  await browser.close();
  const stopped = once(child, 'exit');
  end();
  await stopped;
  report({
    name: 'checkout',
    title: 'P14 checkout: git clone, npm ci, npm start, the page, until a chart shows data',
    anchor: 'none: a promise of its own',
    rows: [
      {
        measure: 'nothing → first chart with data',
        unit: 's',
        value: steps.at(-1).atSecond,
        ship: [['value', '<=', 180]],
        goal: [['value', '<=', 90]],
      },
      ...steps.map(({ name, seconds }) => ({ measure: name, unit: 's', value: seconds })),
    ],
    rounds: steps,
    machine: machine(),
  });
}

function run(command, args, cwd) {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${stderr}`);
}
