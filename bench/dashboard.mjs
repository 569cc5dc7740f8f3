import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { launchChromium, openPage } from './support/chromium.mjs';
import { sendLive } from './support/client.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { copyOfHistory } from './support/history.mjs';
import { watchMachine } from './support/machine.mjs';
import { pageProbe } from './support/page-probe.mjs';
import { cpuByProgram, memoryByProgram, treeCpuUs } from './support/proc.mjs';
import { progress, report } from './support/report.mjs';
import { fullQueries, SALES_PIPELINE } from './support/sales.mjs';
import { startMillrace } from './support/server.mjs';
import { median, quantile } from './support/statistics.mjs';

/** P11: brush or click → all charts redrawn, in a browser, while live records come in. */

const REDRAW_DEADLINE_MS = 30_000;
const LIVE = { perBatch: 40, everyMs: 200 };

export async function dashboard({ dashboardRows, dashboardMoves: moves, profileFolder }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const browser = await launchChromium();
  const sizes = [];
  for (const rows of dashboardRows)
    sizes.push(
      await measure({ folder: join(folder, String(rows)), rows, moves, browser, profileFolder }),
    );
  await browser.close();
  report({
    name: 'dashboard',
    title: `P11 dashboard: input → all charts redrawn, 3 KPIs, line, 2 bars, grid; ${moves} of each after the first, ${LIVE.perBatch * (1000 / LIVE.everyMs)} live records/s`,
    anchor:
      'each chart as one query over all rows through POST /v1/sql, all of a screen (no drawing)',
    rows: sizes.flatMap(rowsOf),
    notes: sizes.flatMap(({ rows, notes }) => notes.map((note) => `${millions(rows)}: ${note}`)),
    rounds: sizes,
    machine: machine(),
  });
}

const millions = (rows) => `${rows / 1e6} M`;

async function measure({ folder, rows, moves, browser, profileFolder }) {
  await copyOfHistory(folder, rows);
  const started = await startMillrace(folder, SALES_PIPELINE, { profileFolder });
  const millrace = await started.withProducerKey();
  const start = performance.now();
  await millrace.call('/v1/dashboards/shop/answers', {});
  const firstAnswerMs = performance.now() - start;
  const screen = await openPage(browser, {
    headers: millrace.localHeaders,
    script: `(${pageProbe})()`,
  });
  const { page, cpuMs } = screen;
  const opened = performance.now();
  await page.goto(`${millrace.url}/d/shop`);
  await page
    .locator('[data-chart] svg path')
    .nth(6)
    .waitFor({ state: 'attached', timeout: REDRAW_DEADLINE_MS });
  const openMs = performance.now() - opened;
  progress(
    `${millions(rows)}: first answer ${firstAnswerMs.toFixed(0)} ms, page drawn ${openMs.toFixed(0)} ms`,
  );
  const hand = new Hand(page);
  const spent = { millrace, cpuMs };
  const result = { rows, firstAnswerMs, openMs, phases: {} };
  const phase = async (name, action) => {
    result.phases[name] = await timed(name, spent, action);
  };

  let live = sendLive(millrace, LIVE);
  await sleep(1000);
  await phase('first', () => firsts(hand));
  await phase('brush', () => hand.brush(moves));
  await phase('click', () => hand.clicks(moves));
  await hand.choose('countries', 2);
  await phase('brush, filtered', () => hand.brush(Math.ceil(moves / 2)));
  await phase('drag', () => hand.drag());
  await hand.reset();
  await phase('live alone', () => sleep(10_000).then(() => []));
  const sent = await live.stop();
  live = undefined;
  await sleep(1500);
  await phase('brush, quiet', () => hand.brush(moves));
  await phase('click, quiet', () => hand.clicks(moves));
  const states = await hand.states();
  await hand.reset();
  result.full = await anchors(millrace, states);
  result.memory = memoryByProgram(millrace.pid);
  result.notes = [await checkNumbers(millrace, hand, rows + sent.acknowledged), ...notesOf(result)];
  if (screen.errors.length > 0) throw new Error(`the page threw: ${screen.errors[0]}`);
  await page.context().close();
  await millrace.stop();
  return result;
}

/** What a phase's inputs took, with the CPU it cost browser and server. */
async function timed(name, { millrace, cpuMs }, action) {
  const [start, page, server, parts] = [
    performance.now(),
    await cpuMs(),
    treeCpuUs(millrace.pid),
    cpuByProgram(millrace.pid),
  ];
  const inputs = await action();
  const wallMs = performance.now() - start;
  const pageMs = (await cpuMs()) - page;
  const serverMs = (treeCpuUs(millrace.pid) - server) / 1000;
  const programs = cpuByProgram(millrace.pid).map(({ program, us }, index) => ({
    program,
    ms: (us - (parts[index]?.us ?? 0)) / 1000,
  }));
  const drawn = inputs.map((input) => input.drawnMs);
  const wrong = inputs.filter(({ isTrue, failed }) => isTrue === false || failed > 0).length;
  if (wrong > 0) throw new Error(`${name}: ${wrong} screens did not show what was answered`);
  const part = (what, share) =>
    quantile(
      inputs.map((input) => input[what]),
      share,
    ).toFixed(0);
  progress(
    `  ${name}: ${inputs.length} in ${(wallMs / 1000).toFixed(1)} s, drawn p50 ${part('drawnMs', 0.5)} p95 ${part('drawnMs', 0.95)} max ${part('drawnMs', 1)} ` +
      `(ask ${part('askMs', 0.5)}, answer ${part('answerMs', 0.5)}/${part('answerMs', 0.95)}, dom ${part('domMs', 0.5)}); CPU page ${pageMs.toFixed(0)} ms, ` +
      `server ${serverMs.toFixed(0)} ms (${programs
        .filter(({ ms }) => ms >= 20)
        .map(({ program, ms }) => `${program} ${ms}`)
        .join(', ')})`,
  );
  return {
    inputs,
    p50: median(drawn),
    p95: quantile(drawn, 0.95),
    wallMs,
    pageMs,
    serverMs,
    programs,
  };
}

/** The first input of each field, alone and where others are chosen. */
async function firsts(hand) {
  const inputs = [];
  const first = async (field, action) => inputs.push({ field, ...(await action()) });
  await first('sold_at', () => hand.draw(0.3, 0.5));
  await hand.reset();
  await first('product', () => hand.click('products', 0));
  await hand.reset();
  await first('country', () => hand.click('countries', 0));
  await first('sold_at in a country', () => hand.draw(0.3, 0.5));
  await first('product in a country and span', () => hand.click('products', 1));
  await hand.reset();
  for (const { field, drawnMs } of inputs) progress(`  first ${field}: ${drawnMs.toFixed(0)} ms`);
  return inputs;
}

/** A person's hand on the page: each movement returns what the page saw of it. */
class Hand {
  #page;
  #states = [];

  constructor(page) {
    this.#page = page;
  }

  async #redrawn(input) {
    const before = await this.#page.evaluate('probe.state()');
    await input();
    const result = await this.#page.evaluate(
      ([state, deadline]) => globalThis.probe.redrawn(state, deadline),
      [before, REDRAW_DEADLINE_MS],
    );
    if (result.problem) throw new Error(`the page did not redraw: ${result.problem}`);
    this.#states.push(JSON.parse(await this.#page.evaluate('probe.state()')));
    return result;
  }

  async #plot() {
    const box = await this.#page.locator('figure:has([role=slider])').boundingBox();
    // Away from the margins with axis labels.
    return { left: box.x + 80, width: box.width - 110, y: box.y + 90 };
  }

  async #at(share) {
    const { left, width, y } = await this.#plot();
    return [left + share * width, y];
  }

  async draw(from, until) {
    const { mouse } = this.#page;
    await mouse.move(...(await this.#at(from)));
    await mouse.down();
    const result = await this.#redrawn(async () => mouse.move(...(await this.#at(until))));
    await mouse.up();
    await this.#rest();
    return result;
  }

  /** A span is drawn, then moved to and fro, one movement at a time. */
  async brush(count) {
    const { mouse } = this.#page;
    await this.draw(0.1, 0.25);
    await mouse.move(...(await this.#at(0.175)));
    await mouse.down();
    const inputs = [];
    for (let move = 1; move <= count; move++) {
      const share = 0.175 + 0.72 * Math.abs(Math.sin(move * 0.37));
      inputs.push(await this.#redrawn(async () => mouse.move(...(await this.#at(share)))));
      await this.#pause(move);
    }
    await mouse.up();
    await this.#rest();
    await this.#page.keyboard.press('Escape');
    return inputs;
  }

  /** Moves as fast as a hand: how often the numbers follow, and how late. */
  async drag() {
    const { mouse } = this.#page;
    await this.draw(0.1, 0.25);
    await mouse.move(...(await this.#at(0.175)));
    await mouse.down();
    const from = await this.#page.evaluate('[performance.now(), probe.answers.length]');
    const { left, width, y } = await this.#plot();
    const start = performance.now();
    let moves = 0;
    for (; performance.now() - start < 5000; moves++) {
      await mouse.move(left + width * (0.175 + 0.6 * Math.abs(Math.sin(moves / 40))), y);
      await sleep(Math.max(0, start + (moves + 1) * 33 - performance.now()));
    }
    const end = await this.#page.evaluate('performance.now()');
    await mouse.up();
    await this.#rest();
    const answered = await this.#page.evaluate(
      ([since, until]) =>
        globalThis.probe.answers.filter(({ answered }) => answered > since && answered < until)
          .length,
      [from[0], end],
    );
    const seconds = (end - from[0]) / 1000;
    progress(
      `  drag: ${(moves / seconds).toFixed(1)} moves/s, ${(answered / seconds).toFixed(1)} redraws/s`,
    );
    this.dragged = { movesPerSecond: moves / seconds, redrawsPerSecond: answered / seconds };
    return [];
  }

  /** Each time another bar, of the two charts in turn. */
  async clicks(count) {
    const inputs = [];
    for (let index = 0; index < count; index++) {
      const chart = index % 2 === 0 ? 'products' : 'countries';
      inputs.push(await this.click(chart, Math.floor(index / 2) % 7));
      await this.#pause(index);
    }
    return inputs;
  }

  async click(chart, at) {
    const bar = this.#page.locator(`[data-chart=${chart}] [role=option]`).nth(at);
    return this.#redrawn(() => bar.click());
  }

  async choose(chart, at) {
    await this.reset();
    await this.click(chart, at);
  }

  /** Movements must not fall into step with the live batches. */
  #pause(index) {
    return sleep(40 + ((index * 73) % 160));
  }

  async #rest() {
    await sleep(400);
  }

  /** Nothing chosen, as a click on "Clear all" leaves it. */
  async reset() {
    for (;;) {
      const chip = this.#page.locator('ul[aria-label=Filters] button').first();
      if ((await chip.count()) === 0) break;
      await chip.click();
      await sleep(150);
    }
    await this.#rest();
  }

  async states() {
    const every = Math.ceil(this.#states.length / 10);
    return this.#states.filter((_, index) => index % every === 0);
  }

  async exact(chart) {
    return this.#page.locator(`[data-chart=${chart}] [data-exact]`).getAttribute('data-exact');
  }
}

/** The same screens without cubes. */
async function anchors(millrace, states) {
  const [[newest]] = await millrace.sql('SELECT max(sold_at)::VARCHAR FROM sales');
  const screens = [];
  for (const state of states) {
    const [start, cpu] = [performance.now(), treeCpuUs(millrace.pid)];
    for (const query of fullQueries(state, newest)) await millrace.sql(query);
    screens.push({ ms: performance.now() - start, cpuMs: (treeCpuUs(millrace.pid) - cpu) / 1000 });
  }
  const ms = screens.map((screen) => screen.ms);
  const cpuMs = median(screens.map((screen) => screen.cpuMs));
  progress(
    `  full queries: p50 ${median(ms).toFixed(0)} ms, p95 ${quantile(ms, 0.95).toFixed(0)} ms, CPU ${cpuMs.toFixed(0)} ms a screen`,
  );
  return { p50: median(ms), p95: quantile(ms, 0.95), cpuMs };
}

/** With nothing chosen and nothing coming in, the screen must show what SQL says. */
async function checkNumbers(millrace, hand, records) {
  const [[count, units, revenue]] = await millrace.sql(
    'SELECT count(*), sum(quantity)::VARCHAR, sum(quantity * unit_price)::VARCHAR FROM sales',
  );
  const shown = [await hand.exact('units'), await hand.exact('revenue')];
  if (Number(count) !== records) throw new Error(`${records} records were sent, SQL has ${count}`);
  if (shown[0] !== units || shown[1] !== revenue)
    throw new Error(`the screen shows ${shown}, SQL says ${[units, revenue]}`);
  return `check: ${records.toLocaleString('en')} records; every screen showed its answer, the last one what SQL says`;
}

function notesOf({ firstAnswerMs, openMs, phases, memory }) {
  const alone = phases['live alone'];
  const share = (ms) => `${((100 * ms) / alone.wallMs).toFixed(0)} %`;
  return [
    `first answer ${(firstAnswerMs / 1000).toFixed(1)} s after ready, page drawn ${openMs.toFixed(0)} ms after its address`,
    `first of each field: ${phases.first.inputs.map(({ field, drawnMs }) => `${field} ${drawnMs.toFixed(0)} ms`).join(', ')}`,
    `live records alone: ${share(alone.pageMs)} of a core in the page, ${share(alone.serverMs)} in the server`,
    `memory: ${memory.map(({ program, mb }) => `${program} ${mb.toFixed(0)} MB`).join(', ')}`,
  ];
}

function rowsOf({ rows, phases, full }) {
  const name = (what) => `${millions(rows)} ${what}`;
  const isLarge = rows >= 10_000_000;
  const judged = (ship, goal) =>
    isLarge ? { ship: [['value', '<=', ship]], goal: [['value', '<=', goal]] } : {};
  const both = [...phases.brush.inputs, ...phases.click.inputs].map(({ drawnMs }) => drawnMs);
  const perMove = (phase, what) => phases[phase][what] / phases[phase].inputs.length;
  return [
    { measure: name('p50'), unit: 'ms', value: median(both), anchor: full.p50 },
    {
      measure: name('p95'),
      unit: 'ms',
      value: quantile(both, 0.95),
      anchor: full.p95,
      ...judged(300, 150),
    },
    ...['brush', 'brush, filtered', 'click', 'brush, quiet', 'click, quiet'].flatMap((phase) => [
      { measure: name(`${phase} p50`), unit: 'ms', value: phases[phase].p50 },
      { measure: name(`${phase} p95`), unit: 'ms', value: phases[phase].p95 },
    ]),
    {
      measure: name('first of a field, slowest'),
      unit: 'ms',
      value: Math.max(...phases.first.inputs.map(({ drawnMs }) => drawnMs)),
      ...judged(2000, 500),
    },
    {
      measure: name('server CPU a brush, quiet'),
      unit: 'ms',
      value: perMove('brush, quiet', 'serverMs'),
      anchor: full.cpuMs,
    },
    {
      measure: name('server CPU a click, quiet'),
      unit: 'ms',
      value: perMove('click, quiet', 'serverMs'),
      anchor: full.cpuMs,
    },
    {
      measure: name('page CPU a brush, quiet'),
      unit: 'ms',
      value: perMove('brush, quiet', 'pageMs'),
    },
    {
      measure: name('page CPU a click, quiet'),
      unit: 'ms',
      value: perMove('click, quiet', 'pageMs'),
    },
  ];
}
