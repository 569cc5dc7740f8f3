import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { ChartAnswer } from '../../src/dashboard/answer.ts';
import { columnLabel } from '../../src/dashboard/format.ts';
import { type DashboardState, type FieldFilter, parseState } from '../../src/dashboard/state.ts';
import type { Chart } from '../../src/definition/chart.ts';
import { nameOf } from './screen.ts';

type Value = string | null;
interface Bars {
  readonly chart: Chart;
  readonly answer: ChartAnswer & { kind: 'series' };
}

const DAY_MS = 86_400_000;
const TURN_MS = 15_000;

/**
 * A person at the page, who remembers what they chose: the page's address, and so its numbers, are held against
 * that, not against what the page made of it.
 */
export class Visitor {
  readonly page: Page;
  readonly #random: () => number;
  #state: DashboardState = { filters: {}, tabs: {} };
  /** Addresses by their place in the history. */
  readonly #addresses = new Map<number, string>();
  #firstPlace = 0;

  constructor(page: Page, random: () => number) {
    this.page = page;
    this.#random = random;
  }

  async arrive(): Promise<void> {
    this.#firstPlace = await this.#place();
    await this.remember();
  }

  get state(): DashboardState {
    return this.#state;
  }

  /** The address says what was chosen, and nothing else. */
  async remember(): Promise<void> {
    const wanted = canonical(this.#state);
    const told = () => canonical(stateOf(this.page.url()));
    for (const end = Date.now() + TURN_MS; told() !== wanted && Date.now() < end; )
      await this.page.waitForTimeout(20);
    expect(told(), 'what the address says is chosen').toBe(wanted);
    this.#addresses.set(await this.#place(), this.page.url());
  }

  #place(): Promise<number> {
    return this.page.evaluate('navigation.currentEntry.index');
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  #choose(field: string, part: { [K in keyof FieldFilter]: FieldFilter[K] | undefined }): void {
    const filter = Object.fromEntries(
      Object.entries({ ...this.#state.filters[field], ...part }).filter(
        ([, one]) => one !== undefined && !(Array.isArray(one) && one.length === 0),
      ),
    );
    const { [field]: _, ...others } = this.#state.filters;
    const isEmpty = Object.keys(filter).length === 0;
    this.#state = { ...this.#state, filters: isEmpty ? others : { ...others, [field]: filter } };
  }

  #toggle(field: string, value: Value, isAdded: boolean): void {
    const before = this.#state.filters[field]?.in ?? [];
    const others = before.filter((one) => one !== value);
    const wasChosen = others.length < before.length;
    if (isAdded) this.#choose(field, { in: wasChosen ? others : [...before, value] });
    else this.#choose(field, { in: wasChosen && others.length === 0 ? undefined : [value] });
  }

  #card(chart: Chart): Locator {
    return this.page.locator(`[data-chart="${chart.id}"]`);
  }

  async clickBar({ chart, answer }: Bars): Promise<string> {
    const at = Math.floor(this.#random() * answer.x.length);
    const isAdded = this.chance(0.4);
    await this.#card(chart)
      .getByRole('option')
      .nth(at)
      .click(isAdded ? { modifiers: ['Shift'] } : {});
    const value = answer.x[at] as Value;
    this.#toggle(chart.x as string, value, isAdded);
    return `${isAdded ? 'shift-click' : 'click'} on ${nameOf(value)} of ${chart.id}`;
  }

  async keyBar({ chart, answer }: Bars): Promise<string> {
    const at = Math.floor(this.#random() * answer.x.length);
    const [key, to] = this.pick([
      ['ArrowDown', Math.min(at + 1, answer.x.length - 1)],
      ['ArrowUp', Math.max(at - 1, 0)],
      ['Home', 0],
      ['End', answer.x.length - 1],
    ] as const);
    const press = this.pick(['Enter', 'Space', 'Shift+Enter', 'Escape']);
    await this.#card(chart).getByRole('option').nth(at).focus();
    await this.page.keyboard.press(key);
    await this.page.keyboard.press(press);
    const field = chart.x as string;
    if (press === 'Escape') this.#choose(field, { in: undefined });
    else this.#toggle(field, answer.x[to] as Value, press.startsWith('Shift'));
    return `${key} from ${at} and ${press} on ${chart.id}`;
  }

  async clickLegend(chart: Chart, names: readonly Value[]): Promise<string> {
    const at = Math.floor(this.#random() * names.length);
    const isAdded = this.chance(0.4);
    await this.page
      .getByRole('list', { name: `${chart.title}: ${chart.color}`, exact: true })
      .getByRole('button')
      .nth(at)
      .click(isAdded ? { modifiers: ['Shift'] } : {});
    this.#toggle(chart.color as string, names[at] as Value, isAdded);
    return `legend ${nameOf(names[at] as Value)} of ${chart.id}${isAdded ? ', added' : ''}`;
  }

  /** Draws, moves, resizes or clears what is chosen of a time axis, with the mouse. */
  async brush({ chart, answer }: Bars): Promise<string> {
    const bins = filled(answer);
    const axis = await this.#axis(chart, bins.length);
    const field = chart.x as string;
    const span = this.#span(field, bins);
    const from = Math.floor(this.#random() * bins.length);
    const to = Math.floor(this.#random() * bins.length);
    const [start, end] = [axis.middle(from), axis.middle(to)];
    const edges = span ? [axis.edge(span.first), axis.edge(span.last + 1)] : [];
    const isAtEdge = edges.findIndex((edge) => Math.abs(edge - start) <= 6);
    await this.page.mouse.move(start, axis.y);
    await this.page.mouse.down();
    await this.page.mouse.move((start + end) / 2, axis.y + 5, { steps: 3 });
    await this.page.mouse.move(end, axis.y, { steps: 2 });
    await this.page.mouse.up();
    const draw = { first: Math.min(from, to), last: Math.max(from, to) };
    // Less than a few pixels is a click; between two bins of a few pixels it is open which.
    if (Math.abs(start - end) < 10) {
      this.#state = stateOf(this.page.url());
      return `a short brush on ${chart.id}`;
    }
    let next = draw;
    if (span && isAtEdge >= 0) {
      const fixed = isAtEdge === 0 ? span.last : span.first;
      next = { first: Math.min(fixed, to), last: Math.max(fixed, to) };
    } else if (span && start > (edges[0] ?? 0) && start < (edges[1] ?? 0)) {
      const by = Math.min(Math.max(to - from, -span.first), bins.length - 1 - span.last);
      next = { first: span.first + by, last: span.last + by };
    }
    this.#choose(field, { range: rangeOf(bins, next) });
    return `brush ${from} to ${to} of ${bins.length} on ${chart.id}`;
  }

  /** An end of what is chosen, by the keyboard. */
  async keyBrush({ chart, answer }: Bars): Promise<string> {
    const bins = filled(answer);
    const field = chart.x as string;
    const whole = this.#span(field, bins) ?? { first: 0, last: bins.length - 1 };
    const which = this.pick(['first', 'last'] as const);
    const key = this.pick(['ArrowLeft', 'ArrowRight', 'Shift+ArrowRight', 'Home', 'End', 'Escape']);
    await this.#card(chart)
      .getByRole('slider', { name: which === 'first' ? /: from$/ : /: to$/ })
      .focus();
    await this.page.keyboard.press(key);
    const [least, most] = which === 'first' ? [0, whole.last] : [whole.first, bins.length - 1];
    const by = { ArrowLeft: -1, ArrowRight: 1, 'Shift+ArrowRight': 10 }[key];
    const to = key === 'Home' ? least : key === 'End' ? most : whole[which] + (by ?? 0);
    const next = { ...whole, [which]: Math.min(Math.max(to, least), most) };
    this.#choose(field, { range: key === 'Escape' ? undefined : rangeOf(bins, next) });
    return `${key} at the ${which} of ${chart.id}`;
  }

  /** Where the bins are on the page: the two ends of what is chosen, or of all, say it. */
  async #axis(chart: Chart, count: number) {
    await this.#card(chart).scrollIntoViewIfNeeded();
    const ends = await this.#card(chart).getByRole('slider').all();
    const [first, last] = await Promise.all(
      ends.map(async (end) => {
        const box = await end.boundingBox();
        if (!box) throw new Error(`${chart.id} has no axis`);
        const at = Number(await end.getAttribute('aria-valuenow'));
        return { at, x: box.x + box.width / 2, y: box.y + box.height / 2 };
      }),
    );
    if (!first || !last) throw new Error(`${chart.id} has no two ends`);
    const width = (last.x - first.x) / (last.at + 1 - first.at);
    const left = first.x - first.at * width;
    const edge = (at: number) => left + at * width;
    return { y: first.y, edge, middle: (at: number) => edge(Math.min(at, count - 1) + 0.5) };
  }

  #span(field: string, bins: readonly Bin[]): { first: number; last: number } | undefined {
    const range = this.#state.filters[field]?.range;
    if (!range) return undefined;
    const [from, until] = [msOf(range.from), msOf(range.until)];
    const inside = bins.flatMap(({ start, next }, at) =>
      next > from && start < until ? [at] : [],
    );
    const [first, last] = [inside[0], inside.at(-1)];
    return first === undefined || last === undefined ? undefined : { first, last };
  }

  /** Takes one chip back, or all. */
  async clearChip(): Promise<string> {
    const parts = Object.entries(this.#state.filters).flatMap(([field, filter]) =>
      (['in', 'range', 'has'] as const)
        .filter((part) => filter[part] !== undefined)
        .map((part) => ({ field, part })),
    );
    const chips = this.page.getByRole('list', { name: 'Filters' });
    if (parts.length > 1 && this.chance(0.4)) {
      await chips.getByRole('button', { name: 'Clear all' }).click();
      this.#state = { ...this.#state, filters: {} };
      return 'clear all';
    }
    const at = Math.floor(this.#random() * parts.length);
    const { field, part } = parts[at] as { field: string; part: keyof FieldFilter };
    const words = part === 'has' ? ' has “' : ': ';
    await chips
      .getByRole('button', { name: `Remove filter ${columnLabel(field)}${words}` })
      .click();
    this.#choose(field, { [part]: undefined });
    return `chip ${field}.${part}`;
  }

  /** Escape on the page, not in a control. */
  async escape(): Promise<string> {
    await this.page.evaluate('document.activeElement?.blur()');
    await this.page.keyboard.press('Escape');
    this.#state = { ...this.#state, filters: {} };
    return 'Escape';
  }

  async select(field: string, title: string, values: readonly Value[]): Promise<string> {
    await this.page.getByRole('button', { name: new RegExp(`^${title}`, 'i') }).click();
    const dialog = this.page.getByRole('dialog', { name: title });
    const value = this.pick(values);
    const isAll = this.chance(0.2) && (this.#state.filters[field]?.in ?? []).length > 0;
    if (isAll) await dialog.getByRole('button', { name: 'Show all' }).click();
    else
      await dialog
        .getByRole('listitem')
        .filter(exactly(nameOf(value)))
        .first()
        .click();
    if (isAll) this.#choose(field, { in: undefined });
    else this.#toggle(field, value, true);
    await this.page.keyboard.press('Escape');
    return `select ${title}: ${isAll ? 'all' : nameOf(value)}`;
  }

  async search(field: string, title: string, words: string): Promise<string> {
    const input = this.page.getByLabel(`Search ${title}`);
    await input.fill('');
    await input.pressSequentially(words, { delay: this.pick([0, 30, 120]) });
    this.#choose(field, { has: words.trim() === '' ? undefined : words });
    return `search “${words}”`;
  }

  async period(fallback: string, spans: readonly string[]): Promise<string> {
    const { period: _, ...others } = this.#state;
    if (this.chance(0.3)) {
      const first = Date.UTC(2024, 1, 25) + Math.floor(this.#random() * 30) * DAY_MS;
      const last = first + Math.floor(this.#random() ** 2 * 20) * DAY_MS;
      const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
      await this.page.getByRole('button', { name: 'Choose days' }).click();
      await this.page.getByLabel('From', { exact: true }).fill(day(first));
      await this.page.getByLabel('To (included)').fill(day(last));
      await this.page.getByRole('button', { name: 'Show these days' }).click();
      this.#state = { ...others, period: `${day(first)}..${day(last + DAY_MS)}` };
      return `days ${this.#state.period}`;
    }
    const span = this.pick(spans);
    await this.page.getByLabel('Period', { exact: true }).selectOption(span);
    this.#state = span === fallback ? others : { ...others, period: span };
    return `period ${span}`;
  }

  async tab(id: string, titles: readonly string[]): Promise<string> {
    const at = Math.floor(this.#random() * titles.length);
    await this.page.getByRole('tab', { name: titles[at] as string, exact: true }).click();
    this.#state = { ...this.#state, tabs: { ...this.#state.tabs, [id]: at } };
    return `tab ${titles[at]}`;
  }

  get canGoBack(): Promise<boolean> {
    return this.#place().then((place) => place > this.#firstPlace);
  }

  async back(): Promise<string> {
    const address = this.#addresses.get((await this.#place()) - 1);
    await this.page.goBack();
    expect(this.page.url(), 'the address one step back').toBe(address);
    this.#state = stateOf(this.page.url());
    return 'back';
  }

  async reload(): Promise<string> {
    await this.page.reload();
    return 'reload';
  }
}

const stateOf = (url: string): DashboardState => parseState(new URL(url).search);
const exactly = (name: string) => ({
  hasText: new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}[\\d,]*$`),
});

/** The same text for the same choice, in whatever order it was made. */
export function canonical({ period, filters, tabs }: DashboardState): string {
  const parts = Object.entries(filters)
    .map(([field, { in: values, range, has }]) => [
      field,
      values && [...values].map((one) => JSON.stringify(one)).sort(),
      range && [msOf(range.from), msOf(range.until)],
      has,
    ])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return JSON.stringify([period, parts, tabs]);
}

interface Bin {
  readonly start: number;
  readonly next: number;
}

/** All bins from the first to the last: a drawing leaves out none. */
function filled({ x, axis }: ChartAnswer & { kind: 'series' }): Bin[] {
  const bins: Bin[] = [];
  const [first, last] = [x[0] as number, x.at(-1) as number];
  for (let start = first; start <= last; ) {
    const next = after(start, axis.grain ?? 'day');
    bins.push({ start, next });
    start = next;
  }
  return bins;
}

function after(ms: number, grain: string): number {
  const fixed = { minute: 60_000, hour: 3_600_000, day: DAY_MS, week: 7 * DAY_MS }[grain];
  if (fixed !== undefined) return ms + fixed;
  const date = new Date(ms);
  const months = { month: 1, quarter: 3, year: 12 }[grain] ?? 1;
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
}

function rangeOf(
  bins: readonly Bin[],
  { first, last }: { first: number; last: number },
): { from: string; until: string } {
  const text = (ms: number) => new Date(ms).toISOString().slice(0, 19);
  return {
    from: text((bins[first] as Bin).start),
    until: text((bins[last] as Bin).next),
  };
}

const msOf = (text: string): number =>
  Date.parse(`${text.includes('T') ? text : `${text}T00:00`}Z`);
