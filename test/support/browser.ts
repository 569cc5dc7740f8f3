import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/browser.mjs', import.meta.url));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let launched: Promise<Browser> | undefined;

/** The machine's Chromium, one for all tests of a file; it ends with the process. */
function browser(): Promise<Browser> {
  launched ??= chromium.launch({
    executablePath: execFileSync(process.execPath, [SCRIPT], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }).trim(),
    // As root, in a container, Chromium cannot make its sandbox.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  return launched;
}

export interface VisitOptions {
  readonly path?: string;
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
  readonly touch?: boolean;
  readonly timezone?: string;
  readonly locale?: string;
  /** What the console says that is no accident here: answers of 400 and more, among others. */
  readonly expected?: RegExp;
}

export const PHONE = { width: 360, height: 740, touch: true } as const;

/**
 * A person's browser, on the page of a pipeline. When the test ends it is an error if the page asked anything of
 * another machine, threw, wrote to the console as an error, or broke its own content policy.
 */
export async function visit(url: string, options: VisitOptions = {}): Promise<Page> {
  const { path = '/', theme = 'light', width = 1280, height = 900 } = options;
  const context = await (await browser()).newContext({
    viewport: { width, height },
    colorScheme: theme,
    hasTouch: options.touch ?? false,
    locale: options.locale ?? 'en-GB',
    timezoneId: options.timezone ?? 'Europe/Berlin',
    reducedMotion: 'reduce',
    acceptDownloads: true,
  });
  onTestFinished(() => context.close());
  const problems = await watch(context, url, options.expected);
  onTestFinished(() => expect(problems, 'what the page did besides').toEqual([]));
  const page = await context.newPage();
  await page.goto(`${url}${path}`);
  return page;
}

/** Only the pipeline answers; what is asked elsewhere is refused and noted. */
async function watch(
  context: BrowserContext,
  url: string,
  expected: RegExp | undefined,
): Promise<string[]> {
  const problems: string[] = [];
  await context.route(
    (asked) => asked.origin !== new URL(url).origin && /^(https?|wss?):$/.test(asked.protocol),
    (route) => {
      problems.push(`asked ${route.request().url()}`);
      return route.abort('blockedbyclient');
    },
  );
  context.on('weberror', (error) => problems.push(`threw ${error.error().message}`));
  context.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && !expected?.test(text)) problems.push(`console: ${text}`);
  });
  return problems;
}

/** What axe finds wrong, as `rule: selector`; the page's policy does not let it in, so it comes through the debugger. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(AXE, 'utf8'));
  const violations = (await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"] }).then((result) => result.violations)',
  )) as { id: string; nodes: { target: string[]; failureSummary?: string }[] }[];
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${id}: ${target.join(' ')} ${failureSummary}`),
  );
}

/** Pixels by which the page is wider than the screen. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(
    'document.documentElement.scrollWidth - Math.ceil(document.body.getBoundingClientRect().width)',
  );
}
