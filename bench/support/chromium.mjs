import { execFileSync } from 'node:child_process';
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

/** A page that is let in by a key, with a function that tells the CPU time of its main thread in ms. */
export async function openPage(browser, { headers = {}, script } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 1000 },
    extraHTTPHeaders: headers,
    locale: 'en-GB',
  });
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
