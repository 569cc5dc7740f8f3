import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { accessibilityProblems, overflow, PHONE, visit } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startPipeline } from '../support/pipeline.ts';

const SHOP = readFileSync(new URL('../../examples/ecommerce/pipeline.ts', import.meta.url), 'utf8');
/** Kept to be looked at. */
const PICTURES = fileURLToPath(new URL('../../.cache/screenshots/', import.meta.url));
const SCREENS = [
  { name: 'desktop', screen: {} },
  { name: 'phone', screen: PHONE },
  { name: '4k', screen: { width: 3840, height: 2160 } },
] as const;

async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: true });
}

async function sold(url: string): Promise<void> {
  const lines = Array.from({ length: 400 }, (_, line) => ({
    invoice_no: String(1000 + Math.floor(line / 4)),
    stock_code: `s${line % 9}`,
    description: `thing ${line % 9}`,
    quantity: (line % 7) - 1,
    unit_price: '2.50',
    invoice_date: `2026-0${1 + (line % 5)}-1${line % 9}T10:00:00`,
    country: ['France', 'Germany', 'Côte d’Ivoire'][line % 3],
  }));
  const answer = await fetch(`${url}/v1/streams/sales/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(lines),
  });
  expect(answer.status).toBe(200);
}

describe.each(['light', 'dark'] as const)('in %s', (theme) => {
  test.each(SCREENS)(
    'the gallery shows every chart in every state on a $name',
    async ({ name, screen }) => {
      const { url } = await startPipeline(temporaryFolder(), SHOP);
      const page = await visit(url, { ...screen, path: '/gallery', theme });
      await page.getByRole('heading', { level: 1, name: 'Gallery' }).waitFor();
      await page.getByRole('listbox').first().waitFor();
      for (const kind of ['kpi', 'line and area', 'bar and stacked', 'grid'])
        await page.getByRole('region', { name: kind, exact: true }).waitFor();
      expect(await page.getByText('This chart could not be computed').count()).toBe(1);
      expect(await overflow(page), 'nothing is wider than the screen').toBe(0);
      expect(await accessibilityProblems(page)).toEqual([]);
      await picture(page, `gallery-${theme}-${name}`);
    },
  );

  test.each(SCREENS)('a dashboard with records fits a $name', async ({ name, screen }) => {
    const { url } = await startPipeline(temporaryFolder(), SHOP);
    await sold(url);
    const page = await visit(url, { ...screen, path: '/d/shop?country=France', theme });
    await page.getByRole('option', { name: /^thing 0, / }).waitFor();
    expect(await overflow(page), 'nothing is wider than the screen').toBe(0);
    expect(await accessibilityProblems(page)).toEqual([]);
    await picture(page, `shop-${theme}-${name}`);
  });
});
