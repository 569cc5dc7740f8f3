import type { DuckDBConnection } from '@duckdb/node-api';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { App } from '../../src/app/app.ts';
import { liveSetup } from '../../src/app/live-plan.ts';
import { newsFor } from '../../src/app/query-sync.ts';
import type { Runtime } from '../../src/app/runtime.ts';
import { systemClock } from '../../src/core/clock.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import type { DashboardAnswer } from '../../src/dashboard/answer.ts';
import type { DashboardState, FieldFilter } from '../../src/dashboard/state.ts';
import { connect, openDatabase } from '../../src/engine/database.ts';
import { LiveDashboards } from '../../src/engine/live-dashboards.ts';
import { LIVE_LIMITS, type LiveLimits } from '../../src/engine/live-limits.ts';
import { ScratchSpace } from '../../src/engine/scratch-space.ts';
import type { DashboardRequest } from '../../src/live/live-plan.ts';
import { askSql, sendTo, startApp } from '../support/app.ts';
import { expectNumbers, type Oracle } from '../support/dashboard-oracle.ts';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { RecordsCopy } from '../support/records-copy.ts';

const PIPELINE = `
import { dashboard, field as f, model, sql, stream } from 'millrace';
export const sales = stream('sales', {
  fields: {
    id: f.long(), at: f.timestamp(), day: f.date().optional(), seen: f.timestamptz(),
    country: f.string().optional(), product: f.string(), size: f.int().optional(), ok: f.boolean().optional(),
    price: f.decimal(10, 3), discount: f.decimal(4, 2).optional(), qty: f.int(), weight: f.double().optional(),
  },
  time: 'at', shards: 3,
  table: { every: '1h' },
  measures: { revenue: sql\`sum(qty * price)\` },
});
export const clicks = stream('clicks', {
  fields: { country: f.string().optional(), day: f.timestamp(), page: f.string(), n: f.long() },
  table: false,
});
export const daily = model('daily', {
  sql: sql\`select "at"::date as day, country, sum(qty * price) as revenue, count(distinct product) as products from \${sales} group by all\`,
  schedule: 'manual',
});
export const dear = model('dear', { sql: sql\`select country, price, ok, "at" from \${sales} where price > 5\`, materialize: 'view' });
export const shop = dashboard('shop', {}, ({ kpi, line, area, bar, stacked, grid, select, period, search, row, tabs }) => [
  row(period({ default: '7d' }), select(sales.fields.country), search(sales.fields.product), select(sales.fields.ok)),
  kpi('Revenue', { from: sales, value: 'revenue', compare: '1d' }),
  kpi('Products', { from: sales, value: sql\`count(distinct product)\`, compare: 'previous' }),
  kpi('Median', { from: sales, value: sql\`median(price)\`, compare: '2h' }),
  kpi('Mean', { from: sales, value: sql\`avg(discount)\` }),
  kpi('Latest', { from: sales, value: sql\`max("at")\` }),
  kpi('Share', { from: sales, value: sql\`count(*) filter (where ok) * 1.0 / nullif(count(*), 0)\` }),
  kpi('Clicks', { from: clicks, value: sql\`coalesce(sum(n), 0)\`, compare: '1h' }),
  kpi('Dear', { from: dear, value: sql\`count(*)\`, compare: '1d' }),
  line('By time', { from: sales, x: 'at', y: 'revenue' }),
  line('By time and country', { from: sales, x: 'at', y: sql\`count(*)\`, color: 'country', series: 2 }),
  area('Weeks', { from: sales, x: 'day', y: sql\`sum(weight)\`, by: 'week', color: 'size', series: 3 }),
  bar('Hours seen', { from: sales, x: 'seen', y: sql\`max(price)\`, by: 'hour' }),
  bar('Products bars', { from: sales, x: 'product', y: 'revenue', top: 5 }),
  bar('Sizes', { from: sales, x: 'size', y: sql\`min(price)\` }),
  stacked('Countries', { from: sales, x: 'country', y: sql\`count(distinct product)\`, color: 'ok', top: 3 }),
  stacked('Months', { from: sales, x: 'at', y: sql\`sum(case when ok then qty else 0 end)\`, by: 'month', color: 'product', series: 2 }),
  bar('Pages', { from: clicks, x: 'page', y: sql\`sum(n)\` }),
  bar('Days of clicks', { from: clicks, x: 'day', y: sql\`count(*)\`, by: 'day' }),
  line('Daily', { from: daily, x: 'day', y: 'revenue', color: 'country' }),
  bar('Daily products', { from: daily, x: 'country', y: 'products' }),
  bar('Dear by country', { from: dear, x: 'country', y: sql\`sum(price)\` }),
  tabs({
    Newest: [grid('Newest', { from: sales, columns: ['id', 'at', 'country', 'product', 'price', 'weight'], limit: 7 })],
    Dearest: [grid('Dearest', { from: sales, columns: ['country', 'price', 'seen'], sort: 'price', limit: 5 })],
    Small: [grid('Small days', { from: daily, columns: ['day', 'country', 'revenue'], sort: 'revenue', order: 'asc' })],
  }),
]);
export const second = dashboard('second', {}, ({ kpi, bar }) => [
  kpi('Weight', { from: sales, value: sql\`avg(weight)\`, compare: 'previous' }),
  bar('Discounts', { from: sales, x: 'discount', y: sql\`count(*)\` }),
  bar('Clicks by country', { from: clicks, x: 'country', y: sql\`sum(n)\` }),
]);
`;

const SQL_TYPES: { readonly [kind: string]: string } = {
  string: 'VARCHAR',
  long: 'BIGINT',
  int: 'INTEGER',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  timestamptz: 'TIMESTAMP WITH TIME ZONE',
  decimal: 'DECIMAL',
};

class Player {
  readonly random: () => number;
  readonly app: App;
  #id = 0;

  constructor(app: App, seed: number) {
    this.app = app;
    this.random = seededRandom(seed);
  }

  get runtime(): Runtime {
    return this.app.current as Runtime;
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)] as T;
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  async send(): Promise<void> {
    const count = 1 + Math.floor(this.random() ** 3 * 200);
    if (this.chance(0.7))
      await sendTo(
        this.app,
        'sales',
        Array.from({ length: count }, () => this.#sale()),
      );
    else
      await sendTo(
        this.app,
        'clicks',
        Array.from({ length: count }, () => this.#click()),
      );
  }

  #moment(): string {
    const start = Date.UTC(2024, 1, 25);
    const spread = this.pick([3600e3, 86_400e3, 12 * 86_400e3, 120 * 86_400e3]);
    const text = new Date(start + Math.floor(this.random() * spread)).toISOString().slice(0, -1);
    if (this.chance(0.2)) return `${text}${Math.floor(this.random() * 1000)}`.slice(0, 26);
    return this.chance(0.3) ? text.slice(0, 16) : text.slice(0, 19);
  }

  #sale(): object {
    const { random } = this;
    this.#id += 1;
    return {
      id: this.#id,
      at: this.#moment(),
      ...(this.chance(0.9) ? { day: this.#moment().slice(0, 10) } : {}),
      seen: `${this.#moment().slice(0, 16)}:00${this.pick(['Z', '+05:30', '-08:00'])}`,
      ...(this.chance(0.85) ? { country: this.pick(COUNTRIES) } : {}),
      product: this.pick(PRODUCTS),
      ...(this.chance(0.8) ? { size: Math.floor(random() * 9) - 2 } : {}),
      ...(this.chance(0.8) ? { ok: this.chance(0.5) } : {}),
      price: (random() * 10).toFixed(3),
      ...(this.chance(0.5) ? { discount: (random() * 3).toFixed(2) } : {}),
      qty: Math.floor(random() * 20) - 3,
      ...(this.chance(0.7) ? { weight: random() * 100 - 20 } : {}),
    };
  }

  #click(): object {
    return {
      ...(this.chance(0.9) ? { country: this.pick(COUNTRIES) } : {}),
      day: this.#moment(),
      page: this.pick(['/', '/a', '/b?x=1']),
      n: Math.floor(this.random() * 5),
    };
  }

  /** What a person, or somebody's link, may choose. */
  state(): DashboardState {
    const filters: { [field: string]: FieldFilter } = {};
    const choose = (field: string, share: number, filter: () => FieldFilter) => {
      if (this.chance(share)) filters[field] = filter();
    };
    const some = (values: readonly (string | null)[]) =>
      Array.from({ length: 1 + Math.floor(this.random() * 3) }, () => this.pick(values)).filter(
        (one, index, all) => all.indexOf(one) === index,
      );
    choose('country', 0.3, () => ({ in: some([...COUNTRIES, null, 'Nowhere']) }));
    choose('product', 0.2, () => ({ in: some(PRODUCTS) }));
    choose('product', 0.2, () => ({ ...filters['product'], has: this.pick(WORDS) }));
    choose('ok', 0.15, () => ({ in: some(['true', 'false', null]) }));
    choose('size', 0.15, () => ({ in: some(['-2', '0', '3', null]) }));
    choose('page', 0.1, () => ({ in: some(['/', '/a']) }));
    choose('at', 0.3, () => ({ range: this.range() }));
    choose('seen', 0.1, () => ({ range: this.range() }));
    choose('day', 0.15, () => ({ range: this.range() }));
    const period = this.pick([
      undefined,
      undefined,
      'all',
      '24h',
      '1h',
      '90m',
      '2d',
      '30d',
      '1y',
      () => this.range(),
    ]);
    const words = typeof period === 'function' ? Object.values(period()).join('..') : period;
    return { ...(words === undefined ? {} : { period: words }), filters, tabs: {} };
  }

  range(): { from: string; until: string } {
    const cut = this.pick([10, 13, 16, 19]);
    const at = () => {
      const text = this.#moment().padEnd(19, ':00').slice(0, cut);
      return cut === 13 ? `${text}:00` : text;
    };
    const [a, b] = [at(), at()];
    return a < b || this.chance(0.1) ? { from: a, until: b } : { from: b, until: a };
  }

  request(dashboard: string): DashboardRequest {
    const active = this.pick([undefined, 'country', 'at', 'product', 'size', 'nothing']);
    return { dashboard, state: this.state(), ...(active === undefined ? {} : { active }) };
  }
}

const COUNTRIES = ['France', 'Germany', "Côte d'Ivoire", '', 'Österreich', '日本', 'null', '%'];
const PRODUCTS = [
  'Mug "Big"',
  "cat's mug",
  'TEA pot',
  'teapot',
  '🎈 balloon',
  ' space ',
  'a\\b',
  '_',
];
const WORDS = ['mug', 'TEA', "cat's", 'big mug', '🎈', '%', '_', '\\', '  pot '];

function oracleOf(app: App, copy: RecordsCopy, dashboard: string): Oracle {
  const { plan } = liveSetup(app.current as Runtime);
  const live = plan.dashboards.find(({ name }) => name === dashboard);
  if (!live) throw new Error(`there is no dashboard ${dashboard}`);
  const sources = plan.sources.map((source) => [
    source.name,
    {
      kind: source.kind,
      columns: Object.fromEntries(
        source.columns.map(({ name, type }) => [
          name,
          type.kind === 'decimal'
            ? `DECIMAL(${type.precision},${type.scale})`
            : (SQL_TYPES[type.kind] ?? type.kind),
        ]),
      ),
      ...(source.time === undefined ? {} : { time: source.time }),
      ...(source.name === 'dear'
        ? {
            at: (version: { readonly [name: string]: number }) =>
              `(SELECT country, price, ok, "at" FROM records.sales WHERE price > 5 AND _sequence_number < ${version['sales']})`,
          }
        : {}),
    },
  ]);
  return {
    sql: (query) => askSql(app, query),
    scan: (query) => copy.sql(query),
    items: live.items,
    values: live.values,
    period: live.period,
    sources: Object.fromEntries(sources),
  };
}

/** The engine of dashboards in this process, fed by a real pipeline. */
async function dashboardsOf(app: App, limits: LiveLimits) {
  const folder = temporaryFolder();
  const scratch = new ScratchSpace(folder, temporaryFolder());
  const instance = await openDatabase({ memory: '1GB', scratch: folder });
  const loader = await connect(instance);
  const dashboards = await LiveDashboards.open({
    instance,
    loader,
    files: nodeFileSystem(),
    scratch,
    clock: systemClock,
    limits,
    sync: (request) => newsFor(app.current as Runtime, request),
    onWarmFailure: () => undefined,
  });
  await dashboards.configure(liveSetup(app.current as Runtime));
  onTestFinished(() => {
    loader.closeSync();
    instance.closeSync();
  });
  return { dashboards, loader };
}

const NEVER = new AbortController().signal;
const SEED = Number(process.env['DASHBOARD_SEED'] ?? Math.floor(Math.random() * 1e9));
const STEPS = Number(process.env['DASHBOARD_STEPS'] ?? 12);
const TINY: LiveLimits = {
  cubeCellsMax: 400,
  cubesMax: 5,
  cubeBytesMax: 200_000,
  smallCells: 60,
  spanRowsMax: 3,
  tailRecords: 20,
  behindRecords: 30,
  windowRecords: 40,
};

interface Game {
  readonly app: App;
  readonly player: Player;
  readonly dashboards: LiveDashboards;
  readonly loader: DuckDBConnection;
  /** Holds every number of the answer; returns how many there were. */
  hold(request: DashboardRequest, answer: DashboardAnswer): Promise<number>;
}

async function game(limits: LiveLimits, seed: number): Promise<Game> {
  const app = await startApp(temporaryFolder(), PIPELINE);
  // A model without a result has no rows to hold numbers against.
  await app.current?.models.run('daily', 'manual');
  const player = new Player(app, seed);
  const { dashboards, loader } = await dashboardsOf(app, limits);
  const copy = await RecordsCopy.open(app.address, temporaryFolder());
  onTestFinished(() => copy.close());
  const hold = async (request: DashboardRequest, answer: DashboardAnswer) => {
    for (const stream of ['sales', 'clicks']) await copy.readStream(stream);
    await copy.readTable('daily');
    try {
      return await expectNumbers(oracleOf(app, copy, request.dashboard), request.state, answer);
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(request)}`, { cause: error });
    }
  };
  return { app, player, dashboards, loader, hold };
}

/** Asks in this process or, as a page does, by HTTP, where another process answers. */
async function ask({ app, player, dashboards }: Game, request: DashboardRequest) {
  if (player.chance(0.7)) return dashboards.answer(request, NEVER);
  const { dashboard, state, active } = request;
  const response = await fetch(`${app.address}/v1/dashboards/${dashboard}/answers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ state, ...(active === undefined ? {} : { active }) }),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as DashboardAnswer;
}

/** Also while it is asked: what comes then is in the answer or is not, but never in a part of it. */
async function meanwhile({ player }: Game): Promise<void> {
  for (let sends = Math.floor(player.random() * 3); sends > 0; sends--) await player.send();
  if (player.chance(0.2)) await player.runtime.stream('sales').delivery?.deliverNow();
}

async function play(limits: LiveLimits, seed: number): Promise<number> {
  const played = await game(limits, seed);
  const { player, hold } = played;
  let held = 0;
  for (let step = 0; step < STEPS; step++) {
    await meanwhile(played);
    if (player.chance(0.15)) await player.runtime.models.run('daily', 'manual');
    const request = player.request(player.chance(0.8) ? 'shop' : 'second');
    const [answer] = await Promise.all([
      ask(played, request),
      player.chance(0.5) ? meanwhile(played) : undefined,
    ]);
    held += await hold(request, answer);
  }
  return held;
}

/** Statements of the loader fail after the n-th, a few in a row: what follows an error can fail, too. */
function faultsOf(loader: DuckDBConnection) {
  let left = Number.POSITIVE_INFINITY;
  let failing = 0;
  const step = (sql: string) => {
    // Undoing cannot fail: it is what failing does.
    if (sql.startsWith('ROLLBACK') || left-- > 0 || failing-- <= 0) return;
    throw new Error('INTERRUPT Error: broken off by the test');
  };
  const { run, runAndReadAll } = loader;
  loader.run = async (sql, ...more) => {
    step(sql as string);
    return run.call(loader, sql, ...more);
  };
  loader.runAndReadAll = async (sql, ...more) => {
    step(sql as string);
    return runAndReadAll.call(loader, sql, ...more);
  };
  return {
    failAfter: (statements: number, times = 0) => {
      left = statements;
      failing = times;
    },
  };
}

describe('every number is that of a full scan of the records below its version', () => {
  test(`with everything kept (seed ${SEED})`, async () => {
    expect(await play(LIVE_LIMITS, SEED)).toBeGreaterThan(STEPS * 50);
  }, 300_000);

  test(`with hardly anything kept (seed ${SEED + 1})`, async () => {
    expect(await play(TINY, SEED + 1)).toBeGreaterThan(STEPS * 50);
  }, 300_000);

  test(`after loading and building were broken off anywhere (seed ${SEED + 2})`, async () => {
    const played = await game(TINY, SEED + 2);
    const { player, dashboards, loader, hold } = played;
    const faults = faultsOf(loader);
    let broken = 0;
    for (let step = 0; step < STEPS; step++) {
      await meanwhile(played);
      const request = player.request('shop');
      faults.failAfter(Math.floor(player.random() ** 2 * 150), player.pick([1, 1, 2, 4]));
      const first = await dashboards.answer(request, NEVER).catch(() => undefined);
      faults.failAfter(Number.POSITIVE_INFINITY);
      const isWhole =
        first !== undefined && Object.values(first.charts).every(({ kind }) => kind !== 'failed');
      if (!isWhole) broken += 1;
      await hold(request, isWhole ? first : await dashboards.answer(request, NEVER));
    }
    expect(broken, 'times it was broken off').toBeGreaterThan(0);
  }, 300_000);

  test('control: a cube that misses a batch is noticed', async () => {
    const { player, dashboards, hold } = await game(LIVE_LIMITS, 1);
    const request = { dashboard: 'shop', state: { period: 'all', filters: {}, tabs: {} } };
    await player.send();
    await hold(request, await dashboards.answer(request, NEVER));
    const cubes = dashboards.source('sales')?.cubes;
    const beginTurn = cubes?.beginTurn.bind(cubes);
    if (!cubes || !beginTurn) throw new Error('sales is not shown');
    cubes.beginTurn = ({ next }) =>
      beginTurn({ next, since: () => '(SELECT * FROM records.sales WHERE false)' });
    for (let sends = 0; sends < 5; sends++) await player.send();
    const wrong = await dashboards.answer(request, NEVER);
    await expect(hold(request, wrong)).rejects.toThrow(/seed 1/);
  });
});

test('an answer tells which values are 0 where there are no rows, and which times are instants', async () => {
  const { player, dashboards } = await game(LIVE_LIMITS, 2);
  for (let sends = 0; sends < 5; sends++) await player.send();
  const state = { period: 'all', filters: {}, tabs: {} };
  const { charts, instants } = await dashboards.answer({ dashboard: 'shop', state }, NEVER);
  const ofNothing = (id: string) => {
    const chart = charts[id];
    if (chart?.kind === 'kpi') return chart.spark?.ofNothing;
    return chart?.kind === 'series' ? chart.ofNothing : undefined;
  };
  for (const id of ['revenue', 'products', 'by-time', 'by-time-and-country', 'weeks', 'months'])
    expect(ofNothing(id), id).toBe(0);
  for (const id of ['median', 'mean', 'share', 'hours-seen', 'sizes'])
    expect(ofNothing(id), id).toBeUndefined();
  expect(instants).toEqual({ fields: ['seen'], time: false });
});
