import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ChartAnswer, DashboardAnswer, Series } from '../../src/dashboard/answer.ts';
import type { Chart, DashboardItem, Tabs } from '../../src/definition/chart.ts';
import { chartsOf, itemsOf } from '../../src/definition/dashboard-items.ts';
import { visit } from '../support/browser.ts';
import {
  expectNothing,
  expectNumbers,
  type Oracle,
  periodOf,
} from '../support/dashboard-oracle.ts';
import { DRIVEN_SHOP, Sender, SHOP_SOURCES, SHOP_VALUES } from '../support/driven-shop.ts';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { RecordsCopy } from '../support/records-copy.ts';
import { answerOf, Screen } from '../support/screen.ts';
import { canonical, Visitor } from '../support/visitor.ts';

const WORDS = ['mug', 'TEA', "cat's", 'big mug', '🎈', '%', '_', '\\', ' pot', 'nothing', ''];
const SPANS = ['24h', '7d', '30d', 'all'];
const TABS = ['Newest', 'Heaviest', 'Days'];

const SEED = Number(process.env['DRIVE_SEED'] ?? Math.floor(Math.random() * 1e9));
const STEPS = Number(process.env['DRIVE_STEPS'] ?? 25);
const SETTLED_MS = 30_000;

type Version = { readonly [name: string]: number };

/** A pipeline, a person at its page, and full scans of the same records. */
class Drive {
  readonly pipeline: RunningPipeline;
  readonly page: Page;
  readonly visitor: Visitor;
  readonly sender: Sender;
  readonly random: () => number;
  readonly items: readonly DashboardItem[];
  readonly done: string[] = [];
  #copy: RecordsCopy;
  /** What the last answer that came was asked for. */
  #answered = '';
  #last: DashboardAnswer['charts'] = {};
  #offered: DashboardAnswer['choices'] = {};

  private constructor(parts: {
    pipeline: RunningPipeline;
    page: Page;
    random: () => number;
    sender: Sender;
    items: readonly DashboardItem[];
    copy: RecordsCopy;
  }) {
    this.pipeline = parts.pipeline;
    this.page = parts.page;
    this.random = parts.random;
    this.sender = parts.sender;
    this.items = parts.items;
    this.#copy = parts.copy;
    this.visitor = new Visitor(parts.page, parts.random);
    this.page.on('response', (response) => {
      const request = response.request();
      if (!response.ok() || !request.url().endsWith('/answers')) return;
      const { state } = request.postDataJSON() as { state: DashboardAnswer & never };
      this.#answered = canonical(state);
    });
  }

  static async start(seed: number): Promise<Drive> {
    const random = seededRandom(seed);
    const pipeline = await startPipeline(temporaryFolder(), DRIVEN_SHOP);
    const sender = new Sender(pipeline, random);
    await sender.send('sales', 400);
    await sender.send('clicks', 60);
    await runModel(pipeline);
    const { items } = (await (await fetch(`${pipeline.url}/v1/dashboards/shop`)).json()) as {
      items: DashboardItem[];
    };
    const copy = await RecordsCopy.open(pipeline.url, temporaryFolder());
    onTestFinished(() => copy.close());
    // Killed children are answered as what they are.
    const page = await visit(pipeline.url, {
      path: '/streams',
      locale: 'en-US',
      expected: /status of 50[0-4]/,
    });
    await page.evaluate("localStorage.setItem('millrace-first-visit', 'done')");
    const drive = new Drive({ pipeline, page, random, sender, items, copy });
    await page.goto(`${pipeline.url}/d/shop`);
    await drive.visitor.arrive();
    return drive;
  }

  get charts(): Chart[] {
    return chartsOf(this.items);
  }

  get #selects() {
    return itemsOf(this.items).filter((item) => item.kind === 'select');
  }

  /** The page shows what was chosen, of everything that was acknowledged. */
  async settle(): Promise<Screen> {
    const tables = await currentTables(this.pipeline);
    const { tabs: _, ...chosen } = this.visitor.state;
    const wanted = canonical({ ...chosen, tabs: {} });
    const least: Version = { ...this.sender.acknowledged, daily: tables['daily'] ?? 0 };
    let seen: Screen | undefined;
    try {
      return await eventually(async () => {
        seen = await Screen.read(this.page);
        const { version } = seen;
        const isNewest = Object.entries(least).every(([name, at]) => (version[name] ?? -1) >= at);
        return isNewest && seen.isSettled && this.#answered === wanted ? seen : undefined;
      }, SETTLED_MS);
    } catch (error) {
      const told = `${JSON.stringify(seen?.version)} of ${JSON.stringify(least)}, settled: ${seen?.isSettled}, answered ${this.#answered} for ${wanted}`;
      throw new Error(`the page did not settle: ${told}`, { cause: error });
    }
  }

  async #asTables(): Promise<void> {
    await this.page.evaluate(
      'document.querySelectorAll(\'[aria-label$="numbers as a table"]\').forEach((one) => one.click())',
    );
  }

  async #asDrawings(): Promise<void> {
    await this.page.evaluate(
      'document.querySelectorAll(\'[aria-label$="show the drawing"]\').forEach((one) => one.click())',
    );
  }

  /** Drawings are painted with a frame. */
  async #painted(): Promise<void> {
    await this.page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );
  }

  /** Waits, and holds every number on the screen. Returns how many there were. */
  async hold(): Promise<number> {
    await this.settle();
    await this.#painted();
    const drawn = await Screen.read(this.page);
    await this.#asTables();
    const tabled = await this.settle();
    await this.#asDrawings();
    this.#expectControls(drawn);
    const { answer, count } = await this.#expectScreen(tabled);
    this.#last = answer.charts;
    this.#offered = answer.choices;
    // Nothing was sent in between, so both are of one version.
    expect(drawn.version).toEqual(tabled.version);
    for (const chart of this.charts)
      if (answer.charts[chart.id])
        drawn.chart(chart).expectDrawn(answer.charts[chart.id] as ChartAnswer);
    return count;
  }

  /** Looks at the page while records come: whatever it shows is of one version. */
  async watch(): Promise<string> {
    await this.settle();
    await this.#asTables();
    const screens: Screen[] = [];
    for (let sends = 0; sends < 5; sends++) {
      const sent = this.sender.some();
      await this.page.waitForTimeout(this.random() * 120);
      screens.push(await Screen.read(this.page));
      await sent;
    }
    await this.#asDrawings();
    for (const screen of screens) await this.#expectScreen(screen);
    return 'watched while records came';
  }

  async #expectScreen(screen: Screen): Promise<{ answer: DashboardAnswer; count: number }> {
    for (const stream of ['sales', 'clicks']) await this.#copy.readStream(stream);
    await this.#copy.readTable('daily');
    const { state } = this.visitor;
    const seen = answerOf(screen, this.charts, this.#selects);
    const newest = await this.#newest(seen.version);
    const period = periodOf(state.period ?? 'all', newest) ?? null;
    const answer = { ...seen, newest, period };
    const count = await expectNumbers(this.#oracle(), state, answer);
    for (const chart of this.charts)
      if (screen.isShown(chart) && !answer.charts[chart.id])
        await expectNothing(this.#oracle(), state, { answer, chart });
    this.#expectPeriod(screen, period);
    return { answer, count };
  }

  #oracle(): Oracle {
    const values = this.charts.map(({ id, title }) => [id, SHOP_VALUES[title] ?? '']);
    return {
      // Cells are texts on the page: an empty one and none look the same.
      sql: async (query) =>
        (await this.#copy.sql(query)).map((row) => row.map((value) => cellText(value))),
      scan: (query) => this.#copy.sql(query),
      items: this.items,
      values: Object.fromEntries(values),
      period: 'all',
      emptyBin: 0,
      sources: SHOP_SOURCES,
    };
  }

  async #newest(version: Version): Promise<DashboardAnswer['newest']> {
    const newest = Object.entries(SHOP_SOURCES).map(async ([name, { kind, time, at }]) => {
      const rows =
        at?.(version) ??
        (kind === 'stream'
          ? `(SELECT * FROM records.${name} WHERE _sequence_number < ${version[name]})`
          : `warehouse.${name}`);
      const [[text = null] = []] = await this.#copy.sql(
        `SELECT strftime(CAST(max("${time}") AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%f') FROM ${rows}`,
      );
      return [name, text as string | null] as const;
    });
    return Object.fromEntries(await Promise.all(newest));
  }

  #expectPeriod(screen: Screen, period: { from: string; until: string } | null): void {
    const { chosen, words } = screen.period;
    expect(chosen, 'the period chosen').toBe(this.visitor.state.period ?? 'all');
    if (!period) {
      expect(words, 'the period in words').toBe('');
      return;
    }
    const [from, until] = [period.from, period.until].map((text) =>
      Date.parse(text.includes('T') ? `${text}Z` : text),
    ) as [number, number];
    const isDays = from % 86_400_000 === 0 && until % 86_400_000 === 0;
    const last = new Date(isDays ? until - 86_400_000 : until);
    for (const date of [new Date(from), last])
      expect(words, 'the period in words').toMatch(new RegExp(`\\b${date.getUTCDate()}\\b`));
  }

  /** What was chosen is said by all controls. */
  #expectControls(screen: Screen): void {
    const { filters } = this.visitor.state;
    const parts = Object.values(filters).flatMap((filter) => Object.keys(filter));
    expect(screen.chips.length, `chips ${screen.chips.join(' | ')}`).toBe(parts.length);
    for (const { field, title } of this.#selects) {
      const chosen = screen.choices(title).filter(({ isChosen }) => isChosen);
      const wanted = filters[field]?.in ?? [];
      expect(chosen.map(({ value }) => String(value)).sort(), `chosen of ${title}`).toEqual(
        wanted.map(String).sort(),
      );
    }
    expect(screen.search('Search product'), 'words searched').toBe(filters['product']?.has ?? '');
  }

  /** A chart as it was seen last, if it has something to point at. */
  seen(titles: readonly string[]): { chart: Chart; answer: ChartAnswer & { kind: 'series' } } {
    const shown = this.charts.flatMap((chart) => {
      const answer = this.#last[chart.id];
      return titles.includes(chart.title) && answer?.kind === 'series' && answer.x.length > 0
        ? [{ chart, answer }]
        : [];
    });
    return this.visitor.pick(shown);
  }

  /** What a select offered last: values without rows are not there. */
  offered(field: string): (string | null)[] {
    return (this.#offered[field] ?? []).map(({ value }) => value);
  }

  has(titles: readonly string[]): boolean {
    return this.seen(titles) !== undefined;
  }

  get isFiltered(): boolean {
    return Object.keys(this.visitor.state.filters).length > 0;
  }

  async kill(name: string): Promise<string> {
    const pid = await processOf(this.pipeline, name);
    process.kill(pid, 'SIGKILL');
    return `kill -9 ${name}`;
  }
}

const cellText = (value: unknown): string =>
  value === null
    ? ''
    : typeof value === 'number'
      ? value.toLocaleString('en-GB', { maximumFractionDigits: 6 })
      : grouped(String(value));

/** `1234.500` → `1,234.500` */
function grouped(text: string): string {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(\.\d+)?$/.exec(text) ?? [];
  if (whole === '') return text;
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${fraction}`;
}

async function runModel(pipeline: RunningPipeline): Promise<string> {
  const response = await pipeline.post('/v1/models/daily/runs', '{}');
  return `run of daily (delivers sales): ${response.status}`;
}

async function processOf(pipeline: RunningPipeline, name: string): Promise<number> {
  return eventually(async () => {
    const { processes } = (await (await fetch(`${pipeline.url}/v1/status`)).json()) as {
      processes: { name: string; pid: number | null }[];
    };
    return processes.find((one) => one.name === name)?.pid ?? undefined;
  });
}

/** Versions of tables, from the first word of the stream that pages listen to. */
async function currentTables(pipeline: RunningPipeline): Promise<Version> {
  const { body } = await fetch(`${pipeline.url}/v1/dashboards/shop/changes`);
  let text = '';
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const [, data] = /^data: (.+)\n/m.exec(text) ?? [];
    // The end of the loop also ends the request.
    if (data !== undefined) return (JSON.parse(data) as { tables: Version }).tables;
  }
  throw new Error('the stream of changes ended');
}

interface Action {
  readonly weight: number;
  /** Records may come while it is done: it does not matter where things stand meanwhile. */
  readonly isFree?: boolean;
  isPossible?(): boolean | Promise<boolean>;
  run(): Promise<string>;
}

const BARS = ['Products', 'Sizes', 'Countries', 'Pages', 'Dear', 'Dearest'];
const TIMES = ['By day', 'Lines', 'Seen', 'Months', 'Daily'];
const COLOURED = ['Lines', 'Seen', 'Months', 'Countries', 'Daily'];

function actionsOf(drive: Drive): Action[] {
  const { visitor, sender, pipeline } = drive;
  const onBars = () => drive.has(BARS);
  const onTimes = () => drive.has(TIMES);
  const legend = () => {
    const { chart, answer } = drive.seen(COLOURED);
    const names = answer.series.filter((one) => !one.isOther).map((one) => one.name ?? null);
    return names.length === 0 ? drive.visitor.escape() : visitor.clickLegend(chart, names);
  };
  return [
    { weight: 6, isPossible: onBars, run: () => visitor.clickBar(drive.seen(BARS)) },
    { weight: 3, isPossible: onBars, run: () => visitor.keyBar(drive.seen(BARS)) },
    { weight: 2, isPossible: () => drive.has(COLOURED), run: legend },
    { weight: 6, isPossible: onTimes, run: () => visitor.brush(drive.seen(TIMES)) },
    { weight: 3, isPossible: onTimes, run: () => visitor.keyBrush(drive.seen(TIMES)) },
    { weight: 4, isFree: true, isPossible: () => drive.isFiltered, run: () => visitor.clearChip() },
    { weight: 1, isFree: true, isPossible: () => drive.isFiltered, run: () => visitor.escape() },
    ...['country', 'ok'].map((field) => ({
      weight: 1,
      isPossible: () => drive.offered(field).length > 0,
      run: () => visitor.select(field, field, drive.offered(field)),
    })),
    {
      weight: 2,
      isFree: true,
      run: () => visitor.search('product', 'product', visitor.pick(WORDS)),
    },
    { weight: 3, isFree: true, run: () => visitor.period('all', SPANS) },
    { weight: 2, isFree: true, run: () => visitor.tab(tabsOf(drive).id, TABS) },
    { weight: 2, isFree: true, isPossible: () => visitor.canGoBack, run: () => visitor.back() },
    { weight: 1, isFree: true, run: () => visitor.reload() },
    { weight: 2, isFree: true, run: () => runModel(pipeline) },
    { weight: 3, run: () => drive.watch() },
    { weight: 2, isFree: true, run: () => sender.some().then(() => 'records') },
  ];
}

function tabsOf(drive: Drive): Tabs {
  return drive.items.find((item) => item.kind === 'tabs') as Tabs;
}

async function choose(drive: Drive, actions: readonly Action[]): Promise<Action> {
  const possible: Action[] = [];
  for (const action of actions)
    if ((await action.isPossible?.()) !== false)
      possible.push(...Array.from({ length: action.weight }, () => action));
  return drive.visitor.pick(possible);
}

async function step(drive: Drive, actions: readonly Action[]): Promise<number> {
  const { visitor, sender, done } = drive;
  const action = await choose(drive, actions);
  const kills = visitor.chance(0.2);
  if (kills)
    done.push(await drive.kill(visitor.pick(['live', 'live', 'live', 'engine', 'sql', 'worker'])));
  const sends = visitor.chance(0.5);
  const acted = action.run();
  if (sends && action.isFree) await Promise.all([acted, sender.some()]);
  done.push(await acted);
  if (sends && !action.isFree) await sender.some();
  await visitor.remember();
  return drive.hold();
}

/** Replay: DRIVE_SEED=<seed> [DRIVE_STEPS=200] npx vitest run test/page/drive.test.ts */
describe('every number on the screen is that of a full scan of the version it shows', () => {
  test(
    `whatever is done at the page, sent and killed (DRIVE_SEED=${SEED} DRIVE_STEPS=${STEPS})`,
    async () => {
      const drive = await Drive.start(SEED);
      const actions = actionsOf(drive);
      let held = 0;
      try {
        held += await drive.hold();
        for (let steps = 0; steps < STEPS; steps++) held += await step(drive, actions);
      } catch (error) {
        throw new Error(
          `DRIVE_SEED=${SEED} DRIVE_STEPS=${STEPS}, after:\n${drive.done.join('\n')}\nat ${drive.page.url()}\n${(error as Error).message}`,
          { cause: error },
        );
      }
      expect(held, 'numbers that were compared').toBeGreaterThan(STEPS * 100);
    },
    60_000 + STEPS * 8000,
  );

  test('control: one number of an answer that is another is noticed', async () => {
    const drive = await Drive.start(1);
    await drive.hold();
    await drive.page.route('**/answers', async (route) => {
      const response = await route.fetch();
      const json = (await response.json()) as { charts: { 'by-day': { series: Series[] } } };
      const { values } = json.charts['by-day'].series[0] as { values: (number | null)[] };
      values[3] = (values[3] ?? 0) + 0.001;
      await route.fulfill({ response, json });
    });
    await drive.sender.send('sales', 1);
    await expect(drive.hold()).rejects.toThrow(/by-day: all at/);
  });

  test('control: a text on the screen that is another is noticed', async () => {
    const drive = await Drive.start(1);
    await drive.hold();
    await drive.page.evaluate(
      "document.querySelector('[data-chart=products] text:last-of-type').textContent = '€1.23'",
    );
    await expect(drive.hold()).rejects.toThrow(/products: label of .*€1.23/);
  });
});
