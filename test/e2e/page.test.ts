import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { accessibilityProblems, overflow, PHONE, visit } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startPipeline } from '../support/pipeline.ts';

const SHOP = readFileSync(new URL('../../examples/ecommerce/pipeline.ts', import.meta.url), 'utf8');
const PAGES = ['/d/shop', '/streams', '/models', '/sql', '/lookups', '/nothing-here'];
const start = () => startPipeline(temporaryFolder(), SHOP);

describe('the shell', () => {
  test('opens on the first dashboard, and every page is a click away', async () => {
    const { url } = await start();
    const page = await visit(url);
    await page.waitForURL(`${url}/d/shop`);
    await page.getByRole('heading', { level: 1, name: 'Shop' }).waitFor();
    for (const name of ['Streams', 'Models', 'SQL', 'Lookups']) {
      const link = page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name });
      await link.click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
      expect(await link.getAttribute('aria-current')).toBe('page');
      expect(await page.title()).toBe(`${name} · millrace`);
    }
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'SQL' }).waitFor();
  });

  test('works by keyboard alone: skip link, navigation, focus that can be seen', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/streams' });
    await page.getByRole('heading', { level: 1, name: 'Streams' }).waitFor();
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    expect(page.url(), 'the address stays as it is').toBe(`${url}/streams`);
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Streams' }).waitFor();
    for (const name of ['Skip to content', 'millrace', 'Dashboards', 'Streams', 'Models']) {
      await page.keyboard.press('Tab');
      expect(await focused(page)).toBe(name);
      expect(
        await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'),
        `the focus on ${name} can be seen`,
      ).toBe('solid');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor();
    expect(await page.evaluate('document.activeElement.id'), 'reading goes on there').toBe('main');
  });

  test('the theme follows the system, or what was chosen, also after a reload', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/streams', theme: 'dark' });
    const theme = page.getByLabel('Theme');
    const dark = await background(page);
    await theme.selectOption('Light');
    const light = await background(page);
    expect(brightness(light)).toBeGreaterThan(200);
    expect(brightness(dark)).toBeLessThan(50);
    await page.reload();
    expect(await background(page)).toBe(light);
    await theme.selectOption('System');
    expect(await background(page)).toBe(dark);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await background(page)).toBe(light);
  });

  test('an address where nothing is says so to a person in the shell, to a program as JSON', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/nothing-here', expected: /status of 404/ });
    await page.getByText('There is no page at /nothing-here').waitFor();
    const asked = async (accept: string) => {
      const response = await fetch(`${url}/v1/nothing`, { headers: { accept } });
      return [response.status, response.headers.get('content-type')?.split(';')[0]];
    };
    expect(await asked('*/*')).toEqual([404, 'application/json']);
    expect(await asked('application/json, text/html;q=0.5')).toEqual([404, 'application/json']);
    expect(await asked('text/html,application/xhtml+xml,*/*;q=0.8')).toEqual([404, 'text/html']);
  });

  test.each(['light', 'dark'] as const)('axe finds nothing wrong, %s', async (theme) => {
    const { url } = await start();
    const page = await visit(url, { theme, expected: /status of 404/ });
    for (const path of PAGES) {
      await page.goto(`${url}${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await accessibilityProblems(page), `${path}, ${theme}`).toEqual([]);
    }
  });

  test('fits from 360 pixels to 4K without scrolling sideways', async () => {
    const { url } = await start();
    const page = await visit(url, { ...PHONE, expected: /status of 404/ });
    for (const path of PAGES) {
      await page.goto(`${url}${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      for (const width of [360, 768, 1280, 3840]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await overflow(page), `${path} at ${width}`).toBe(0);
      }
    }
  });
});

describe('its files', () => {
  test('come compressed, once: hashed ones are kept for a year, the rest is asked for again', async () => {
    const { url } = await start();
    const get = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${url}${path}`, { headers });
    const home = await get('/streams', { 'accept-encoding': 'gzip' });
    expect(home.headers.get('cache-control')).toBe('no-cache');
    const html = await home.text();
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(html)?.[1] as string;
    const plain = await get(script, { 'accept-encoding': 'identity' });
    const bytes = Buffer.from(await plain.arrayBuffer());
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    for (const [accepted, encoding] of [
      ['gzip, deflate, br', 'br'],
      ['gzip;q=1, br;q=0', 'gzip'],
      ['deflate', null],
    ] as const) {
      const answer = await get(script, { 'accept-encoding': accepted });
      expect(answer.headers.get('content-encoding'), accepted).toBe(encoding);
      expect(answer.headers.get('vary')).toBe('Accept-Encoding');
      // fetch unpacks what the header says.
      expect(bytes.equals(Buffer.from(await answer.arrayBuffer()))).toBe(true);
    }
    const etag = home.headers.get('etag') as string;
    const again = await get('/d/shop', { 'accept-encoding': 'gzip', 'if-none-match': etag });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  test('a first load is light: 300 KB with the charts, 100 KB without; fonts and images come beside it', async () => {
    const { url } = await start();
    const weigh = async (path: string, heading: string) => {
      const page = await visit(url, { path });
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      await page.waitForLoadState('networkidle');
      const paths = (await page.evaluate(
        'performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname).filter((path) => /\\.(js|css)$/.test(path))',
      )) as string[];
      const sizes = [...new Set(paths)].map(async (one) => {
        const answer = await fetch(`${url}${one}`, { headers: { 'accept-encoding': 'gzip' } });
        return Number(answer.headers.get('content-length'));
      });
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    };
    expect(await weigh('/streams', 'Streams')).toBeLessThan(100_000);
    const dashboard = await weigh('/d/shop', 'Shop');
    expect(dashboard).toBeLessThan(300_000);
    expect(dashboard, 'the charts were counted').toBeGreaterThan(150_000);
  });

  test('no path of a request reaches the file system', async () => {
    const { url } = await start();
    for (const path of [
      '/index.html',
      '/assets/',
      '/assets/..%2findex.html',
      '/..%2f..%2fpackage.json',
      '/assets/%2e%2e/%2e%2e/package.json',
      '/theme.js.br',
      '/%00',
    ]) {
      const response = await fetch(`${url}${path}`);
      expect([path, response.status]).toEqual([path, 404]);
    }
  });

  test('nothing but what comes from here may run or be framed', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/`);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const page = await visit(url, { path: '/streams', expected: /inline script violates/ });
    const ran = await page.evaluate(`new Promise((resolve) => {
      document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
      const script = document.createElement('script');
      script.textContent = 'globalThis.ran = true';
      document.body.append(script);
    })`);
    expect([ran, await page.evaluate('globalThis.ran')]).toEqual(['script-src-elem', undefined]);
  });
});

const focused = (page: Page): Promise<string> =>
  page.evaluate('document.activeElement.textContent');
const background = (page: Page): Promise<string> =>
  page.evaluate('getComputedStyle(document.body.parentElement).backgroundColor');
const brightness = (colour: string): number =>
  Math.max(...(colour.match(/\d+/g) ?? []).slice(0, 3).map(Number));
