import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { formatNumber } from '../../src/dashboard/format.ts';
import { barScale } from '../../src/dashboard/number-scale.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const PIPELINE = `
import { dashboard, field as f, sql, stream } from 'millrace';
export const sales = stream('sales', {
  fields: { invoice: f.string(), country: f.string(), product: f.string().optional(), amount: f.decimal(12, 2), sold_at: f.timestamp() },
  time: 'sold_at',
});
export const shop = dashboard('shop', { title: 'Shop & Söhne' }, ({ kpi, line, bar, grid, select, row, tabs }) => [
  select(sales.fields.country),
  row(
    kpi('Revenue', { from: sales, value: sql\`sum(amount)\`, format: 'GBP' }),
    kpi('Orders', { from: sales, value: sql\`count(distinct invoice)\`, format: 'integer' }),
  ),
  line('Revenue by day', { from: sales, x: 'sold_at', y: sql\`sum(amount)\`, format: 'GBP' }),
  bar('By country', { from: sales, x: 'country', y: sql\`sum(amount)\`, format: 'integer', top: 5 }),
  tabs({
    Lines: [grid('Lines', { from: sales, columns: ['sold_at', 'country', 'product', 'amount'], sort: 'amount' })],
    Broken: [kpi('Broken', { from: sales, value: sql\`median(cast(country as int))\` })],
  }),
]);
`;
const COUNTRIES = ['France', 'Spain', '日本', 'Perú', '</text><script>alert(1)</script>'];
const WORDING = { language: 'en', timeZone: 'UTC' };

async function shop(): Promise<RunningPipeline> {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const rows = Array.from({ length: 400 }, (_, at) => ({
    invoice: `i${at % 130}`,
    country: COUNTRIES[(at % 7) % COUNTRIES.length],
    product: at % 7 === 0 ? null : `Mug ${at % 9} 🎉`,
    amount: `${100 + ((at * 37) % 250)}.${10 + (at % 80)}`,
    sold_at: new Date(Date.UTC(2011, 0, 1 + (at % 60), at % 24)).toISOString().slice(0, 19),
  }));
  const answer = await pipeline.post('/v1/streams/sales/records', JSON.stringify(rows));
  expect(await answer.json()).toMatchObject({ accepted: 400 });
  return pipeline;
}

const get = (pipeline: RunningPipeline, path: string) => fetch(`${pipeline.url}/render/${path}`);

async function svgOf(pipeline: RunningPipeline, path: string): Promise<string> {
  const response = await get(pipeline, path);
  const text = await response.text();
  expect(response.status, text.slice(0, 300)).toBe(200);
  expect(response.headers.get('content-type')).toBe('image/svg+xml; charset=utf-8');
  return text;
}

/** All texts that can be read in a picture. */
const wordsOf = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, words]) =>
    (words as string).replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  );

/** Width, height and pixels of a PNG of eight bits a channel; every row's filter is undone. */
function decode(png: Buffer): {
  width: number;
  height: number;
  pixel(x: number, y: number): string;
} {
  expect(png.subarray(0, 8)).toEqual(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  expect([png[24], png[25]], '8 bits of RGBA').toEqual([8, 6]);
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * 4;
  const rows = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < stride; x++) {
      const left = x < 4 ? 0 : (rows[y * stride + x - 4] as number);
      const up = y === 0 ? 0 : (rows[(y - 1) * stride + x] as number);
      const corner = x < 4 || y === 0 ? 0 : (rows[(y - 1) * stride + x - 4] as number);
      const value = raw[y * (stride + 1) + 1 + x] as number;
      const filter = raw[y * (stride + 1)] as number;
      rows[y * stride + x] = value + predicted(filter, left, up, corner);
    }
  return {
    width,
    height,
    pixel: (x, y) => `#${rows.toString('hex', (y * width + x) * 4, (y * width + x) * 4 + 3)}`,
  };
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((one) => Math.abs(guess - one)) as [
    number,
    number,
    number,
  ];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

describe('GET /render', () => {
  test('a chart shows the numbers that SQL gives, now and with the filters of the address', async () => {
    const pipeline = await shop();
    const byCountry = await pipeline.sql(
      'select country, sum(amount) from lake.sales group by all order by 2 desc',
    );
    const bars = wordsOf(await svgOf(pipeline, 'shop/by-country.svg'));
    const sums = byCountry.map(([, sum]) => Number(sum));
    const short = barScale(sums, 'integer', WORDING);
    for (const [country, sum] of byCountry) {
      expect(bars).toContain(short(Number(sum)));
      if (!String(country).includes('<')) expect(bars).toContain(country);
    }
    const [[revenue, orders] = []] = await pipeline.sql(
      "select sum(amount), count(distinct invoice) from lake.sales where country in ('France', 'Perú')",
    );
    const query = '?country=France&country=Per%C3%BA';
    expect(wordsOf(await svgOf(pipeline, `shop/revenue.svg${query}`))).toEqual(
      expect.arrayContaining([
        formatNumber(String(revenue), 'GBP', WORDING, 'short'),
        expect.stringContaining('Country: France, Perú'),
      ]),
    );
    expect(wordsOf(await svgOf(pipeline, `shop/orders.svg${query}`))).toContain(String(orders));
    const [[week] = []] = await pipeline.sql(
      "select sum(amount) from lake.sales where sold_at >= '2011-01-10' and sold_at < '2011-01-17'",
    );
    expect(
      wordsOf(await svgOf(pipeline, 'shop/revenue.svg?.period=2011-01-10..2011-01-17')),
    ).toContain(formatNumber(String(week), 'GBP', WORDING, 'short'));
    const largest = await pipeline.sql('select amount from lake.sales order by 1 desc limit 3');
    const cells = wordsOf(await svgOf(pipeline, 'shop/lines.svg'));
    for (const [amount] of largest) expect(cells).toContain(String(amount));
    // What was acknowledged before the request is in the picture.
    await pipeline.post(
      '/v1/streams/sales/records',
      JSON.stringify({
        invoice: 'x',
        country: 'Perú',
        amount: '5000000.00',
        sold_at: '2011-02-01T00:00:00',
      }),
    );
    const [[peru] = []] = await pipeline.sql(
      "select sum(amount) from lake.sales where country = 'Perú'",
    );
    expect(Number(peru)).toBeGreaterThan(5_000_000);
    expect(wordsOf(await svgOf(pipeline, 'shop/by-country.svg'))).toContain(
      barScale([Number(peru)], 'integer', WORDING)(Number(peru)),
    );
  });

  test('a dashboard is drawn whole, as SVG and as PNG of twice its size', async () => {
    const pipeline = await shop();
    const svg = await svgOf(pipeline, 'shop.svg?.width=900&.theme=dark');
    const [, width, height] = /^<svg [^>]*width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
    expect(width).toBe('900');
    expect(wordsOf(svg)).toEqual(
      expect.arrayContaining(['Shop & Söhne', 'Revenue by day', 'By country', 'Lines', 'Broken']),
    );
    expect(svg).not.toContain('<script');
    const response = await get(pipeline, 'shop.png?.width=900&.theme=dark');
    expect(response.headers.get('content-type')).toBe('image/png');
    const png = decode(Buffer.from(await response.arrayBuffer()));
    expect([png.width, png.height]).toEqual([1800, 2 * Number(height)]);
    expect(png.pixel(2, 2), 'the page').toBe('#101215');
    expect(png.pixel(60, 200), 'a card').toBe('#181b1f');
    const light = decode(Buffer.from(await (await get(pipeline, 'shop.png')).arrayBuffer()));
    expect(light.width).toBe(2400);
    expect(light.pixel(2, 2)).toBe('#f6f6f4');
  });

  test('pictures may do nothing in a browser, and are kept by nobody', async () => {
    const pipeline = await shop();
    const { headers } = await get(pipeline, 'shop/by-country.svg');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'unsafe-inline'",
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('what is wrong with a request is said', async () => {
    const pipeline = await shop();
    const refused: readonly (readonly [path: string, status: number, words: RegExp])[] = [
      ['shop/nothing.svg', 404, /no chart 'nothing'\. .*revenue, orders, revenue-by-day, by-coun/],
      ['nothing.png', 404, /no dashboard 'nothing'\. Dashboards are: shop/],
      ['shop.pdf', 404, /\.svg or \.png/],
      ['shop/revenue', 404, /\.svg or \.png/],
      ['shop.svg?.theme=blue', 400, /'\.theme' must be light or dark, not 'blue'/],
      ['shop.svg?.width=1e9', 400, /'\.width' must be a whole number of pixels from 160 to 2400/],
      ['shop/revenue.svg?.height=2401', 400, /'\.height' must be .* from 60 to 2400/],
      ['shop.svg?.height=500', 400, /'\.height' is for one chart/],
      ['shop.svg?.language=en-u-nu-thai', 400, /'\.language' must be a language/],
      ['shop.svg?.language=qq', 400, /'\.language' must be a language/],
      ['shop.svg?.timezone=Mars%2FPole', 400, /'\.timezone' must be a time zone/],
      ['shop/broken.svg', 400, /Could not convert string/],
    ];
    for (const [path, status, words] of refused) {
      const response = await get(pipeline, path);
      const text = await response.text();
      expect(text, path).toMatch(/^\{/);
      const { error } = JSON.parse(text) as { error: { message: string } };
      expect([path, response.status, error.message]).toEqual([
        path,
        status,
        expect.stringMatching(words),
      ]);
    }
    // On a dashboard a chart fails alone.
    const svg = await svgOf(pipeline, 'shop.svg?lines-broken.tab=1');
    expect(wordsOf(svg)).toContain('This chart could not be computed.');
    expect(svg).toContain('Could not convert string');
  });

  test('the process that draws is there while it draws, and records go on when it dies', async () => {
    const pipeline = await shop();
    const processes = async () => {
      const status = (await (await fetch(`${pipeline.url}/v1/status`)).json()) as {
        processes: { name: string; pid: number | null }[];
      };
      return status.processes.find(({ name }) => name === 'render');
    };
    expect(await processes()).toBeUndefined();
    await svgOf(pipeline, 'shop/revenue.svg');
    const first = (await processes())?.pid as number;
    process.kill(first, 'SIGKILL');
    const record = {
      invoice: 'y',
      country: 'France',
      amount: '1.00',
      sold_at: '2011-02-01T00:00:00',
    };
    const sent = await pipeline.post('/v1/streams/sales/records', JSON.stringify(record));
    expect(sent.status).toBe(200);
    await eventually(async () =>
      (await get(pipeline, 'shop/revenue.svg')).status === 200 ? true : undefined,
    );
    expect((await processes())?.pid).not.toBe(first);
    expect(await pipeline.stop()).toBe(0);
  });
});
