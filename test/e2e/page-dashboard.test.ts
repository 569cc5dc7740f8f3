import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { accessibilityProblems, overflow, PHONE, visit } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const PIPELINE = `
import { dashboard, field as f, model, sql, stream } from 'millrace';
export const sales = stream('sales', {
  fields: { at: f.timestamp(), city: f.string(), line: f.string(), qty: f.int(), price: f.decimal(12, 2), ok: f.boolean() },
  time: 'at',
});
export const empty = stream('empty', { fields: { at: f.timestamp(), kind: f.string(), n: f.int() }, time: 'at' });
export const cats = stream('cats', { fields: { cat: f.string(), n: f.int() } });
export const bad = model('bad', { sql: sql\`select cast(city as int) as n from \${sales}\`, schedule: 'manual' });
export const shop = dashboard('shop', { title: 'Shop' }, (d) => [
  d.period(), d.select(sales.fields.city),
  d.kpi('Revenue', { from: sales, value: sql\`sum(price)\`, format: 'USD', compare: '1d' }),
  d.kpi('Median', { from: sales, value: sql\`median(price)\`, format: 'USD' }),
  d.kpi('Pieces', { from: sales, value: sql\`sum(qty) * 1000000\` }),
  d.kpi('Lines', { from: sales, value: sql\`count(distinct line)\` }),
  d.kpi('Newest', { from: sales, value: sql\`max("at")\`, format: 'datetime' }),
  d.kpi('Rows', { from: sales, value: sql\`count(*)\` }),
  d.kpi('Mean', { from: sales, value: sql\`avg(price)\` }),
  d.kpi('Most', { from: sales, value: sql\`max(price) * 1000000000\` }),
  d.bar('By city', { from: sales, x: 'city', y: sql\`sum(price)\`, top: 40 }),
  d.row(
    d.bar('By line', { from: sales, x: 'line', y: sql\`sum(qty)\` }), d.bar('By ok', { from: sales, x: 'ok', y: sql\`count(*)\` }),
    d.bar('By qty', { from: sales, x: 'qty', y: sql\`count(*)\` }), d.line('Over time', { from: sales, x: 'at', y: sql\`sum(price)\`, color: 'line' }),
  ),
  d.grid('Sales', { from: sales, columns: ['at', 'city', 'price'] }),
]);
export const none = dashboard('none', { title: 'None' }, (d) => [d.period(), d.bar('Kinds', { from: empty, x: 'kind', y: sql\`sum(n)\` })]);
export const many = dashboard('many', { title: 'Many' }, (d) => [d.select(cats.fields.cat), d.bar('All', { from: cats, x: 'cat', y: sql\`sum(n)\` })]);
export const broken = dashboard('broken', { title: 'Broken' }, (d) => [d.bar('Model', { from: bad, x: 'n', y: sql\`count(*)\` })]);
`;

const start = async (folder = temporaryFolder()): Promise<RunningPipeline> => {
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, 'sales', sales(360));
  return pipeline;
};

async function send(
  { post }: RunningPipeline,
  stream: string,
  rows: readonly object[],
): Promise<void> {
  const body = rows.map((row) => JSON.stringify(row)).join('\n');
  const type = { 'content-type': 'application/x-ndjson' };
  expect((await post(`/v1/streams/${stream}/records`, body, type)).status).toBe(200);
}

/** What is answered within this time changes without a word before (web/src/dashboard/feed.ts). */
const UNNOTICED_MS = 150;
const sales = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    at: `2019-01-${String(1 + (index % 28)).padStart(2, '0')}T10:00:00`,
    city: `City ${index % 36}`,
    line: `Line ${index % 7}`,
    qty: 1 + (index % 9),
    price: `${1000 + (index % 36) * 50}.25`,
    ok: index % 2 === 0,
  }));

const card = (page: Page, title: string) =>
  page.locator('section').filter({ has: page.getByRole('heading', { level: 2, name: title }) });
const figure = (page: Page, title: string) => card(page, title).locator('[data-exact]');
const header = (page: Page) => page.getByRole('banner').getByRole('status').first();

/** Answers come after so long, or not at all. */
async function slowDown(page: Page, ms: number): Promise<void> {
  await page.unroute('**/answers');
  await page.route('**/answers', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    await route.continue().catch(() => undefined);
  });
}

describe('numbers of an earlier choice', () => {
  test('are seen to be replaced after a moment, and the header is not live meanwhile', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/d/shop?city=City+1' });
    await card(page, 'Revenue').getByText('% of').waitFor();
    const before = await figure(page, 'Revenue').getAttribute('data-exact');
    await slowDown(page, 3000);
    await page.getByRole('option', { name: /^City 2,/ }).click();
    for (const title of ['Revenue', 'By line', 'Sales'])
      await page
        .locator('section[aria-busy="true"]')
        .filter({ hasText: title })
        .first()
        .waitFor({ timeout: 1500 });
    expect(await figure(page, 'Revenue').getAttribute('data-exact')).toBe(before);
    expect(await header(page).textContent()).toBe('computing');
    expect(await header(page).getAttribute('data-state')).not.toBe('live');
    await page.locator('section[aria-busy="true"]').first().waitFor({ state: 'detached' });
    expect(await figure(page, 'Revenue').getAttribute('data-exact')).not.toBe(before);
    expect(await header(page).textContent()).toBe('live');
  });

  test('do not flicker where the answer comes at once', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/d/shop' });
    await page.getByRole('option', { name: /^City 1,/ }).waitFor();
    await page.evaluate(`globalThis.marked = [];
      addEventListener('click', () => { globalThis.clicked = performance.now(); }, { capture: true });
      new MutationObserver((changes) => { for (const { target } of changes) if (target.dataset.standing !== 'current') globalThis.marked.push(performance.now()); })
        .observe(document.body, { subtree: true, attributes: true, attributeFilter: ['data-standing'] })`);
    await page.getByRole('option', { name: /^City 2,/ }).click();
    await card(page, 'Revenue').getByText('% of').waitFor();
    // On a machine that is busy with other things an answer may take longer, and is then rightly announced.
    const waited: number[] = await page.evaluate('marked.map((at) => at - clicked)');
    for (const ms of waited) expect(ms).toBeGreaterThanOrEqual(UNNOTICED_MS);
  });

  test('say on each card that they are of the choice before while the server does not answer', async () => {
    const folder = temporaryFolder();
    const pipeline = await start(folder);
    const { url } = pipeline;
    const page = await visit(url, { path: '/d/shop?city=City+1', expected: /ERR_|status of 5/ });
    await card(page, 'Revenue').getByText('% of').waitFor();
    await pipeline.kill();
    await page.getByRole('option', { name: /^City 2,/ }).click();
    await card(page, 'Revenue').getByText('of the choice before').waitFor();
    expect(await page.getByText('of the choice before', { exact: true }).count()).toBe(14);
    expect(await header(page).getAttribute('data-state')).toBe('lost');
    expect(await accessibilityProblems(page)).toEqual([]);
    await startPipeline(folder, undefined, { args: ['--port', new URL(url).port] });
    await page.getByText('of the choice before').first().waitFor({ state: 'detached' });
  });
});

describe('figures', () => {
  test.each([360, 768, 1280, 3840])('stand on one line each at %i pixels', async (width) => {
    const { url } = await start();
    const page = await visit(url, { path: '/d/shop', width });
    await figure(page, 'Most').waitFor();
    const cut =
      (await page.evaluate(`[...document.querySelectorAll('[data-exact]')].flatMap((one) => {
      const range = document.createRange();
      range.selectNodeContents(one);
      const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      const within = range.getBoundingClientRect().right <= one.closest('section').getBoundingClientRect().right - 8;
      return lines.size === 1 && within ? [] : [one.textContent];
    })`)) as string[];
    expect(cut).toEqual([]);
    const tops = (await page.evaluate(
      `[...document.querySelectorAll('[data-exact]')].map((one) => Math.round(one.getBoundingClientRect().top))`,
    )) as number[];
    const sizes = [...new Set(tops)].map((line) => tops.filter((top) => top === line).length);
    expect(Math.max(...sizes) - Math.min(...sizes), `lines of ${sizes}`).toBeLessThanOrEqual(1);
    expect(await overflow(page)).toBe(0);
  });

  test('are a share of the whole only where they add up to it', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/d/shop?city=City+1' });
    await card(page, 'Revenue')
      .getByText(/^1\.6% of \$675\.09k/)
      .waitFor();
    await card(page, 'Rows').getByText('2.8% of 360').waitFor();
    expect(await card(page, 'Median').textContent()).toMatch(/all: \$1,875/);
    expect(await card(page, 'Lines').textContent()).toMatch(/all: 7/);
    expect(await card(page, 'Newest').textContent()).toMatch(/all: /);
  });
});

describe('a select of more values than it lists', () => {
  test('says how many there are, finds each of them on the server, and takes what is typed at once', async () => {
    const pipeline = await start();
    await send(
      pipeline,
      'cats',
      Array.from({ length: 1500 }, (_, n) => ({ cat: `c${String(n).padStart(4, '0')}`, n: 1 })),
    );
    const page = await visit(pipeline.url, { path: '/d/many' });
    const opener = page.getByRole('button', { name: /cat/i }).first();
    await page.getByRole('option', { name: /^c0000,/ }).waitFor();
    await opener.click();
    const dialog = page.getByRole('dialog', { name: 'cat' });
    await dialog.getByText('500 more are not listed: type to find them.').waitFor();
    const find = dialog.getByRole('searchbox');
    expect(await find.getAttribute('placeholder')).toBe('Find in 1,500');
    await page.keyboard.type('C1499');
    expect(await find.inputValue()).toBe('C1499');
    await dialog.getByLabel('c1499').check();
    await page.waitForURL(/\?cat=c1499$/);
    await find.fill('nobody');
    await dialog.getByText('Nothing like that').waitFor();
  });

  test('a program finds them with words', async () => {
    const pipeline = await start();
    const ask = async (body: object) => {
      const answer = await pipeline.post('/v1/dashboards/shop/answers', JSON.stringify(body));
      return (await answer.json()) as {
        choices: { city: unknown[] };
        choiceCounts: object;
        error?: { message: string };
      };
    };
    const all = await ask({ charts: [] });
    expect([all.choices.city.length, all.choiceCounts]).toEqual([36, { city: 36 }]);
    const found = await ask({ charts: [], find: { city: ' city 35 ' } });
    expect([found.choices, found.choiceCounts]).toEqual([
      { city: [{ value: 'City 35', rows: 10 }] },
      { city: 1 },
    ]);
    expect((await ask({ charts: [], find: { city: "%' or" } })).choiceCounts).toEqual({ city: 0 });
    expect((await ask({ find: { city: 3 } })).error?.message).toMatch(/'find' must have words/);
  });
});

describe('the period', () => {
  test('shows its days, and says where one wrong date has moved them', async () => {
    const pipeline = await start();
    const page = await visit(pipeline.url, { path: '/d/shop?.period=7d' });
    await page
      .getByText(/^22\s?–\s?28 Jan 2019$/)
      .first()
      .waitFor();
    expect(await page.getByText(/still to come/).count()).toBe(0);
    await send(pipeline, 'sales', [{ ...sales(1)[0], at: '2099-01-01T00:00:00' }]);
    await page.getByText(/newest row of sales is dated 1 Jan 2099/).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
  });
});

describe('an address', () => {
  test('that means nothing here filters nothing and shows no chip', async () => {
    const { url } = await start();
    const page = await visit(url, {
      path: '/d/shop?.period=2019-01-10..2019-01-05&at.range=2019-02-01..2019-01-01&qty=abc&ok=maybe&price=5&city=City+1',
    });
    await card(page, 'Rows').getByText('2.8% of 360').waitFor();
    const chips = page.getByRole('list', { name: 'Filters' }).getByRole('button');
    expect(await chips.allTextContents()).toEqual(['City: City 1×']);
    expect(await page.getByLabel('Period').inputValue()).toBe('all');
  });
});

describe('where there is nothing', () => {
  test('says which: no record, none in the period, none that passes the filters', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/d/none' });
    await page.getByText('No record has come to empty yet.').waitFor();
    await page.getByRole('banner').getByText('no record yet').waitFor();
    await page.goto(`${url}/d/shop?.period=2031-01-01..2031-02-01`);
    await card(page, 'By city').getByText('There is nothing in the period.').waitFor();
    await page.goto(`${url}/d/shop?line=nothing`);
    await card(page, 'By city').getByText('Nothing passes the filters.').waitFor();
    await page.goto(`${url}/d/shop?.period=7d&line=nothing`);
    await card(page, 'By city').getByText('Nothing in the period passes the filters.').waitFor();
    await page.goto(`${url}/d/broken`);
    await page.getByText(/Model bad has no result yet/).waitFor();
  });
});

describe('the layout', () => {
  test.each([
    ['a desktop', {}],
    ['a phone', PHONE],
  ])('nothing moves when the numbers come, on %s', async (_, screen) => {
    const { url } = await start();
    const page = await visit(url, { ...screen, path: '/streams' });
    await slowDown(page, 400);
    await page.addInitScript(`globalThis.shifted = 0;
      new PerformanceObserver((list) => { for (const { value } of list.getEntries()) globalThis.shifted += value; })
        .observe({ type: 'layout-shift', buffered: true })`);
    await page.goto(`${url}/d/shop?.period=7d`);
    await page.getByRole('option', { name: /^City 1,/ }).waitFor();
    await page.waitForTimeout(300);
    expect(await page.evaluate('globalThis.shifted')).toBeLessThan(0.02);
  });

  test('four in a row are two and two where four do not fit, and a wide screen is used', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/d/shop' });
    await page.getByRole('option', { name: /^City 1,/ }).waitFor();
    const places = async () => {
      const boxes = ['By line', 'By ok', 'By qty', 'Over time'].map((title) =>
        card(page, title).boundingBox(),
      );
      return (await Promise.all(boxes)).map((box) => Math.round(box?.y ?? 0));
    };
    const [first, second, third, fourth] = await places();
    expect([second, fourth]).toEqual([first, third]);
    expect(third).toBeGreaterThan(first as number);
    await page.setViewportSize({ width: 3840, height: 1200 });
    await eventually(async () => (new Set(await places()).size === 1 ? true : undefined));
    expect((await card(page, 'By city').boundingBox())?.width).toBeGreaterThan(3600);
    expect(await overflow(page)).toBe(0);
  });

  test('on a phone the header shows the state, the age of the newest record and its zone beside each other', async () => {
    const { url } = await start();
    const page = await visit(url, { ...PHONE, path: '/d/shop' });
    await page
      .getByRole('banner')
      .getByText(/ago|just now/)
      .waitFor();
    const boxes = await page
      .getByRole('banner')
      .locator('a[aria-label], [role=status], button, select')
      .evaluateAll((all) =>
        (all as unknown as { getBoundingClientRect(): Record<string, number> }[])
          .map((one) => one.getBoundingClientRect())
          .map(({ left = 0, right = 0 }) => [left, right] as const),
      );
    for (const [index, [left]] of boxes.entries())
      if (index > 0) expect(left).toBeGreaterThanOrEqual(boxes[index - 1]?.[1] ?? 0);
    expect(Math.max(...boxes.map(([, right]) => right))).toBeLessThanOrEqual(360);
    const curl = page.getByRole('region', { name: 'curl that sends a record' });
    const copy = page.getByRole('button', { name: /^Copy/ });
    const [text, button] = [await curl.boundingBox(), await copy.boundingBox()];
    expect(button?.y).toBeGreaterThanOrEqual((text?.y ?? 0) + (text?.height ?? 0));
  });
});
