import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const FINDER = fileURLToPath(new URL('../../scripts/browser.mjs', import.meta.url));

/** The machine's Chromium, which the bench ends. */
export function launchChromium() {
  const executablePath = execFileSync(process.execPath, [FINDER], { encoding: 'utf8' }).trim();
  // As root, in a container, Chromium cannot make its sandbox.
  return chromium.launch({
    executablePath,
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

/**
 * A page of a server of this bench, logged in as its first user, with a function that tells the CPU time
 * of its main thread in ms.
 */
export async function openPage(browser, millrace, script) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 1000 },
    locale: 'en-GB',
  });
  await claim(context, millrace);
  if (script !== undefined) await context.addInitScript(script);
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  const debug = await context.newCDPSession(page);
  await debug.send('Performance.enable', { timeDomain: 'threadTicks' });
  const cpuMs = async () => {
    const { metrics } = await debug.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration').value * 1000;
  };
  return { page, cpuMs, errors, debug };
}

async function claim(context, { url, data }) {
  const token = readFileSync(join(data, 'claim-token'), 'utf8').trim();
  const answer = await context.request.post(`${url}/v1/claim`, {
    headers: { origin: url },
    data: { token, name: 'bench', password: randomUUID() },
  });
  if (!answer.ok()) throw new Error(`claim: ${answer.status()} ${await answer.text()}`);
}
