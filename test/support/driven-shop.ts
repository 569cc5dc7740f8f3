import { expect } from 'vitest';
import type { Oracle } from './dashboard-oracle.ts';
import type { RunningPipeline } from './pipeline.ts';

/** A shop with a chart of every kind, and records with NULLs, decimals, zones and names of all sorts. */
export const DRIVEN_SHOP = `
import { dashboard, field as f, model, sql, stream } from 'millrace';
export const sales = stream('sales', {
  fields: {
    id: f.long(), at: f.timestamp(), seen: f.timestamptz(), day: f.date().optional(),
    country: f.string().optional(), product: f.string(), size: f.int().optional(), ok: f.boolean().optional(),
    price: f.decimal(10, 3), qty: f.int(), weight: f.double().optional(),
  },
  time: 'at', shards: 3,
  table: { every: '3s' },
  measures: { revenue: sql\`sum(qty * price)\` },
});
export const clicks = stream('clicks', {
  fields: { at: f.timestamp(), country: f.string().optional(), page: f.string(), n: f.long() },
  time: 'at', table: false,
});
export const daily = model('daily', {
  sql: sql\`select "at"::date as day, country, sum(qty * price) as revenue from \${sales} group by all\`,
  schedule: 'manual',
});
export const dear = model('dear', { sql: sql\`select country, product, price, "at" from \${sales} where price > 5\`, materialize: 'view' });
export const shop = dashboard('shop', {}, ({ kpi, line, area, bar, stacked, grid, select, period, search, row, tabs }) => [
  row(period({ default: 'all', spans: ['24h', '7d', '30d', 'all'] }), select(sales.fields.country), select(sales.fields.ok), search(sales.fields.product)),
  kpi('Revenue', { from: sales, value: 'revenue', format: 'EUR', compare: '1d' }),
  kpi('Orders', { from: sales, value: sql\`count(*)\`, format: 'integer', compare: 'previous', good: 'down' }),
  kpi('Median', { from: sales, value: sql\`median(price)\`, compare: '7d' }),
  kpi('Weight', { from: sales, value: sql\`avg(weight)\` }),
  kpi('Share', { from: sales, value: sql\`count(*) filter (where ok) * 1.0 / nullif(count(*), 0)\`, format: 'percent' }),
  kpi('Latest', { from: sales, value: sql\`max("at")\`, format: 'datetime' }),
  kpi('Clicks', { from: clicks, value: sql\`coalesce(sum(n), 0)\`, format: 'compact', compare: '1h' }),
  row(
    line('By day', { from: sales, x: 'at', y: 'revenue', by: 'day', format: 'EUR' }),
    line('Lines', { from: sales, x: 'at', y: sql\`count(*)\`, by: 'week', color: 'country', series: 3 }),
  ),
  row(
    area('Seen', { from: sales, x: 'seen', y: sql\`sum(qty)\`, color: 'ok' }),
    stacked('Months', { from: sales, x: 'day', y: sql\`count(*)\`, by: 'month', color: 'product', series: 2 }),
  ),
  row(
    bar('Products', { from: sales, x: 'product', y: 'revenue', top: 5, format: 'EUR' }),
    bar('Sizes', { from: sales, x: 'size', y: sql\`sum(weight)\` }),
    stacked('Countries', { from: sales, x: 'country', y: sql\`sum(qty * price)\`, color: 'ok', top: 6 }),
  ),
  row(
    bar('Pages', { from: clicks, x: 'page', y: sql\`sum(n)\`, format: 'integer' }),
    line('Daily', { from: daily, x: 'day', y: 'revenue', color: 'country' }),
    bar('Dear', { from: dear, x: 'country', y: sql\`max(price)\` }),
  ),
  tabs({
    Newest: [grid('Newest', { from: sales, columns: ['id', 'at', 'country', 'product', 'price', 'ok'], limit: 8 })],
    Heaviest: [grid('Heaviest', { from: sales, columns: ['weight', 'qty', 'day'], sort: 'weight', limit: 5 }), bar('Dearest', { from: dear, x: 'product', y: sql\`max(price)\`, top: 3 })],
    Days: [grid('Days', { from: daily, columns: ['day', 'country', 'revenue'], sort: 'revenue', order: 'asc' })],
  }),
]);
`;

/** What each chart shows, in words of SQL; the pipeline's own are not asked. */
export const SHOP_VALUES: { readonly [title: string]: string } = {
  Revenue: 'sum(qty * price)',
  Orders: 'count(*)',
  Median: 'median(price)',
  Weight: 'avg(weight)',
  Share: 'count(*) filter (where ok) * 1.0 / nullif(count(*), 0)',
  Latest: 'max("at")',
  Clicks: 'coalesce(sum(n), 0)',
  'By day': 'sum(qty * price)',
  Lines: 'count(*)',
  Seen: 'sum(qty)',
  Months: 'count(*)',
  Products: 'sum(qty * price)',
  Sizes: 'sum(weight)',
  Countries: 'sum(qty * price)',
  Pages: 'sum(n)',
  Daily: 'sum(revenue)',
  Dear: 'max(price)',
  Dearest: 'max(price)',
};

export const SHOP_SOURCES: Oracle['sources'] = {
  sales: {
    kind: 'stream',
    time: 'at',
    columns: {
      id: 'BIGINT',
      at: 'TIMESTAMP',
      seen: 'TIMESTAMP WITH TIME ZONE',
      day: 'DATE',
      country: 'VARCHAR',
      product: 'VARCHAR',
      size: 'INTEGER',
      ok: 'BOOLEAN',
      price: 'DECIMAL(10,3)',
      qty: 'INTEGER',
      weight: 'DOUBLE',
    },
  },
  clicks: {
    kind: 'stream',
    time: 'at',
    columns: { at: 'TIMESTAMP', country: 'VARCHAR', page: 'VARCHAR', n: 'BIGINT' },
  },
  daily: {
    kind: 'table',
    time: 'day',
    columns: { day: 'DATE', country: 'VARCHAR', revenue: 'DECIMAL(38,3)' },
  },
  dear: {
    kind: 'view',
    time: 'at',
    columns: {
      country: 'VARCHAR',
      product: 'VARCHAR',
      price: 'DECIMAL(10,3)',
      at: 'TIMESTAMP',
    },
    at: (version) =>
      `(SELECT country, product, price, "at" FROM records.sales WHERE price > 5 AND _sequence_number < ${version['sales']})`,
  },
};

const COUNTRIES = ['France', 'Germany', "Côte d'Ivoire", '', '日本', 'null', '%'];
const PRODUCTS = ['Mug "Big"', "cat's mug", 'TEA pot', 'teapot', '🎈 balloon', 'a\\b', '_', '<b>'];
const FIRST_DAY = Date.UTC(2024, 1, 25);

/** Sends records, and knows how many were acknowledged. */
export class Sender {
  readonly acknowledged: { [stream: string]: number } = { sales: 0, clicks: 0 };
  readonly #pipeline: RunningPipeline;
  readonly #random: () => number;
  #id = 0;

  constructor(pipeline: RunningPipeline, random: () => number) {
    this.#pipeline = pipeline;
    this.#random = random;
  }

  async send(stream: 'sales' | 'clicks', count: number): Promise<void> {
    const records = Array.from({ length: count }, () =>
      stream === 'sales' ? this.#sale() : this.#click(),
    );
    const response = await this.#pipeline.post(
      `/v1/streams/${stream}/records`,
      JSON.stringify(records),
    );
    const answer = (await response.json()) as { accepted: number };
    expect(answer.accepted, JSON.stringify(answer).slice(0, 500)).toBe(count);
    this.acknowledged[stream] = (this.acknowledged[stream] ?? 0) + count;
  }

  async some(): Promise<void> {
    const count = 1 + Math.floor(this.#random() ** 3 * 150);
    await this.send(this.#random() < 0.7 ? 'sales' : 'clicks', count);
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }

  #has<T extends object>(share: number, part: T): Partial<T> {
    return this.#random() < share ? part : {};
  }

  #moment(): string {
    const spread = this.#pick([1, 12, 33, 33, 90]) * 86_400e3;
    return new Date(FIRST_DAY + Math.floor(this.#random() * spread)).toISOString().slice(0, 19);
  }

  #sale(): object {
    const random = this.#random;
    this.#id += 1;
    return {
      id: this.#id,
      at: this.#moment(),
      seen: `${this.#moment()}${this.#pick(['Z', '+05:30', '-08:00'])}`,
      product: this.#pick(PRODUCTS),
      price: (random() * 10).toFixed(3),
      qty: Math.floor(random() * 20) - 3,
      ...this.#has(0.9, { day: this.#moment().slice(0, 10) }),
      ...this.#has(0.85, { country: this.#pick(COUNTRIES) }),
      ...this.#has(0.8, { size: Math.floor(random() * 9) - 2 }),
      ...this.#has(0.8, { ok: random() < 0.5 }),
      // Eighths: their sums are exact in any order, so that all digits can be compared.
      ...this.#has(0.6, { weight: Math.floor(random() * 800 - 160) / 8 }),
    };
  }

  #click(): object {
    return {
      at: this.#moment(),
      page: this.#pick(['/', '/a', '/b?x=1']),
      n: Math.floor(this.#random() * 5),
      ...this.#has(0.9, { country: this.#pick(COUNTRIES) }),
    };
  }
}
