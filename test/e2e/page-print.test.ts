import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { THEMES } from '../../src/dashboard/theme.ts';
import { visit } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startPipeline } from '../support/pipeline.ts';

const PIPELINE = `
import { dashboard, field as f, sql, stream } from 'millrace';
export const sales = stream('sales', {
  fields: {
    at: f.timestamptz(), local: f.timestamp(), country: f.string(), amount: f.decimal(10, 2),
    note: f.string(), a: f.string(), b: f.string(), c: f.string(), d: f.string(),
  },
  time: 'at',
});
export const shop = dashboard('shop', { title: 'Shop' }, (d) => [
  d.period({ default: 'all' }),
  d.select(sales.fields.country),
  d.line('By hour', { from: sales, x: 'at', y: sql\`sum(amount)\`, by: 'hour', format: 'GBP' }),
  d.row(
    d.area('By day', { from: sales, x: 'at', y: sql\`sum(amount)\`, color: 'country', by: 'day' }),
    d.bar('Countries', { from: sales, x: 'country', y: sql\`sum(amount)\` }),
  ),
  d.tabs({
    Rows: [d.grid('Rows', { from: sales, columns: ['at', 'local', 'country', 'note', 'amount', 'a', 'b', 'c', 'd'] })],
    Other: [d.line('Means', { from: sales, x: 'local', y: sql\`avg(amount)\`, by: 'day' })],
  }),
]);
`;

/** Every third day, so that there are days without records, and the newest first: arrival is no order of time. */
async function sell(url: string): Promise<void> {
  const records = Array.from({ length: 30 }, (_, index) => ({
    at: `2026-02-${String(28 - (index % 9) * 3).padStart(2, '0')}T20:${10 + index}:00Z`,
    local: `2026-02-${String(28 - (index % 9) * 3).padStart(2, '0')}T12:${10 + index}:00`,
    country: ['France', 'Germany', 'Spain'][index % 3],
    amount: String(index % 7 === 0 ? -20 : 1000 + index),
    note: 'a long text of many words '.repeat(9),
    ...{ a: 'some words', b: 'x'.repeat(90), c: 'more words', d: 'the end' },
  }));
  const answer = await fetch(`${url}/v1/streams/sales/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(records),
  });
  expect(answer.status).toBe(200);
}

async function shop(options: Parameters<typeof visit>[1] = {}): Promise<Page> {
  const { url } = await startPipeline(temporaryFolder(), PIPELINE);
  await sell(url);
  const page = await visit(url, { path: '/d/shop', ...options });
  await page.getByRole('option', { name: /^France, / }).waitFor();
  return page;
}

/** Said in the page: what its drawings are once the browser is about to take its picture. */
const WATCH = `addEventListener('beforeprint', () => {
  window.printed = [...document.querySelectorAll('figure')].map((figure) => ({
    room: figure.clientWidth,
    drawn: Number(figure.querySelector('svg').getAttribute('width')),
    colours: [...new Set([...figure.querySelectorAll('svg text')].map((text) => text.getAttribute('fill')))],
  }));
  window.paper = document.body.getBoundingClientRect().width;
})`;

interface Printed {
  readonly room: number;
  readonly drawn: number;
  readonly colours: readonly string[];
}

describe.each(['light', 'dark'] as const)('a dashboard on paper, from a %s screen', (theme) => {
  test('has its charts in the width of paper and in colours of light, and back on the screen after it', async () => {
    const page = await shop({ theme });
    const before = await page.locator('figure svg').first().getAttribute('width');
    await page.evaluate(WATCH);
    await page.pdf({ format: 'A4' });
    expect(await page.evaluate('window.paper')).toBe(700);
    const printed = (await page.evaluate('window.printed')) as Printed[];
    expect(printed).toHaveLength(3);
    for (const { room, drawn, colours } of printed) {
      expect(room).toBeLessThan(700);
      expect(drawn).toBe(room);
      for (const colour of colours)
        expect([THEMES.light.text, THEMES.light.textMuted]).toContain(colour);
    }
    await expect.poll(() => page.locator('figure svg').first().getAttribute('width')).toBe(before);
    const text = page.locator('figure svg text').first();
    expect([THEMES[theme].text, THEMES[theme].textMuted]).toContain(
      await text.getAttribute('fill'),
    );
  });

  test('has every row and column of its grid, and nothing to press', async () => {
    const page = await shop({ theme, path: '/d/shop?country=France&country=Spain' });
    await page.emulateMedia({ media: 'print' });
    const sizes = (await page.evaluate(`(() => {
      const box = document.querySelector('section[aria-label="Rows: rows"]');
      return [box.scrollWidth - box.clientWidth, box.scrollHeight - box.clientHeight, box.clientWidth];
    })()`)) as number[];
    expect(sizes[0], 'columns beyond the edge').toBe(0);
    expect(sizes[1], 'rows below the edge').toBe(0);
    expect(sizes[2]).toBeLessThanOrEqual(700);
    for (const name of ['By hour: show numbers as a table', 'Choose days', 'Got it', 'Copy'])
      expect(await page.getByRole('button', { name }).isVisible(), name).toBe(false);
    expect(await page.getByRole('tab', { name: 'Other' }).isVisible()).toBe(false);
    expect(await page.getByText('Country: France, Spain').isVisible()).toBe(true);
    expect(await page.getByText(/^until 28 Feb 2026, 21:\d\d:00 · Europe\/Berlin$/).count()).toBe(
      1,
    );
  });
});

describe('an instant', () => {
  test('is of one zone on the axis, in the chip, the table and the grid', async () => {
    const page = await shop({
      timezone: 'America/New_York',
      path: '/d/shop?at.range=2026-02-27T19:00..2026-02-28T21:00&.period=24h',
    });
    await page.getByText('At: 27 Feb 2026, 14:00 – 28 Feb 2026, 16:00').waitFor();
    const grid = page.getByRole('region', { name: 'Rows: rows' });
    const cells = await grid.locator('tbody tr').first().locator('td').allInnerTexts();
    expect(cells[0]).toMatch(/^28 Feb 2026, 15:\d\d:00$/);
    expect(cells[1], 'a timestamp is as it was sent').toMatch(/^28 Feb 2026, 12:\d\d:00$/);
    const labels = await page.locator('figure').first().locator('svg text').allTextContents();
    expect(labels).toContain('28 Feb, 15:00');
    const byDay = page.locator('figure').nth(1).locator('svg text');
    expect(await byDay.allTextContents(), 'days are of UTC').toContain('UTC');
    await page.getByRole('button', { name: 'By hour: show numbers as a table' }).click();
    const table = page.getByRole('region', { name: 'By hour, as a table' });
    expect(await table.locator('tbody td').first().textContent()).toBe('28 Feb, 15:00');
  });

  test('newest is first in a grid, whatever came last', async () => {
    const page = await shop();
    const times = page.getByRole('region', { name: 'Rows: rows' }).locator('tbody td:first-child');
    const shown = (await times.allInnerTexts()).map((text) => Date.parse(text));
    expect(shown).toHaveLength(30);
    expect(shown).toEqual([...shown].sort((a, b) => b - a));
  });
});

test('a day without records is 0 of a sum and a gap of a mean', async () => {
  const page = await shop();
  await page.getByRole('button', { name: 'By day: show numbers as a table' }).click();
  const table = page.getByRole('region', { name: 'By day, as a table' });
  expect(await table.locator('tbody tr').count()).toBe(25);
  expect(await table.locator('tbody tr').nth(1).locator('td').allTextContents()).toEqual([
    '5 Feb 2026 UTC',
    ...['0', '0', '0'],
  ]);
  await page.getByRole('tab', { name: 'Other' }).click();
  await page.getByRole('button', { name: 'Means: show numbers as a table' }).click();
  const means = page.getByRole('region', { name: 'Means, as a table' });
  expect(await means.locator('tbody tr').nth(1).locator('td').allTextContents()).toEqual([
    '5 Feb 2026',
    '–',
  ]);
});
