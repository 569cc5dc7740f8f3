import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { ChartAnswer, Choice, DashboardAnswer, Series } from '../../src/dashboard/answer.ts';
import type { Chart } from '../../src/definition/chart.ts';
import { expectShown, type Length } from './shown-number.ts';

/** One element of the page as it is at a moment. */
interface Element {
  readonly tag: string;
  readonly attributes: { readonly [name: string]: string };
  readonly children: readonly (Element | string)[];
  /** Of what is typed or chosen in. */
  readonly value?: string;
  readonly checked?: boolean;
  /** Of bars and of texts in a drawing. */
  readonly place?: { readonly left: number; readonly middle: number };
}

/** The whole page in one turn of its thread: nothing can be drawn in between. */
const READ = `(() => {
  const read = (element) => {
    const { tagName, attributes, childNodes } = element;
    const isPlaced = tagName === 'text' || element.role === 'option';
    const box = isPlaced && element.getBoundingClientRect();
    return {
      tag: tagName.toLowerCase(),
      attributes: Object.fromEntries([...attributes].map(({ name, value }) => [name, value])),
      children: [...childNodes].flatMap((node) =>
        node.nodeType === 1 ? (node.tagName === 'path' ? [] : [read(node)]) : [node.data ?? '']),
      ...(tagName === 'INPUT' || tagName === 'SELECT'
        ? { value: element.value, checked: element.checked === true } : {}),
      ...(box ? { place: { left: box.left, middle: box.top + box.height / 2 } } : {}),
    };
  };
  return read(document.body);
})()`;

type Test = (element: Element) => boolean;
const has =
  (name: string, value?: string): Test =>
  ({ attributes }) =>
    value === undefined ? name in attributes : attributes[name] === value;
const isTag =
  (tag: string): Test =>
  (element) =>
    element.tag === tag;

function all(element: Element, test: Test): Element[] {
  const inside = element.children.flatMap((child) =>
    typeof child === 'string' ? [] : all(child, test),
  );
  return test(element) ? [element, ...inside] : inside;
}
const first = (element: Element, test: Test): Element | undefined => all(element, test)[0];
const wordsOf = (element: Element | undefined): string =>
  (element?.children ?? [])
    .map((child) => (typeof child === 'string' ? child : wordsOf(child)))
    .join('');

const DATE = /^[A-Z][a-z]{2} \d{1,2}, \d{4}$/;
const TIME = /^[A-Z][a-z]{2} \d{1,2}, \d{4}, \d\d:\d\d(:\d\d(\.\d+)?)?$/;

/** Dates and times as a reader in the United States has them, as SQL writes them; other texts as they are. */
function plainTime(text: string): string {
  if (!DATE.test(text) && !TIME.test(text)) return text;
  const iso = new Date(`${text} UTC`).toISOString();
  return DATE.test(text) ? iso.slice(0, 10) : iso.slice(0, 19).replace('T', ' ');
}

/** The names that NULL and the empty text have on the page. */
const namedValue = (name: string): string | null =>
  name === '(none)' ? null : name === '(empty)' ? '' : name;
export const nameOf = (value: string | null): string =>
  value === null ? '(none)' : value === '' ? '(empty)' : value;

/** What a person sees of a dashboard at one moment. */
export class Screen {
  readonly #body: Element;

  private constructor(body: Element) {
    this.#body = body;
  }

  static async read(page: Page): Promise<Screen> {
    return new Screen((await page.evaluate(READ)) as Element);
  }

  get #status(): { readonly [name: string]: string } {
    return first(this.#body, has('data-version'))?.attributes ?? {};
  }

  /** Nothing is under way, lost, loading or failed. */
  get isSettled(): boolean {
    const { 'data-state': state, 'data-pending': pending } = this.#status;
    const isLoading = all(this.#body, has('aria-label', 'Loading')).length > 0;
    const hasCharts = all(this.#body, has('data-chart')).length > 0;
    return state === 'live' && pending === 'false' && !isLoading && hasCharts;
  }

  get version(): { readonly [source: string]: number } {
    return JSON.parse(this.#status['data-version'] ?? '{}') as { [source: string]: number };
  }

  /** Words of the chips, as they are read out. */
  get chips(): string[] {
    const list = first(this.#body, has('aria-label', 'Filters'));
    return (list ? all(list, isTag('button')) : [])
      .map(({ attributes }) => attributes['aria-label'] ?? '')
      .filter((label) => label !== '');
  }

  get period(): { readonly chosen: string; readonly words: string } {
    const label = first(
      this.#body,
      (element) => element.tag === 'label' && wordsOf(element) === 'Period',
    );
    const select = first(this.#body, has('id', label?.attributes['for']));
    const chosen = select?.value ?? '';
    const option = select && first(select, has('value', chosen));
    const words = chosen.includes('..') ? option : first(this.#body, has('data-period'));
    return { chosen, words: wordsOf(words) };
  }

  search(label: string): string {
    return first(this.#body, has('aria-label', label))?.value ?? '';
  }

  /** What a select offers; a choice without a count is chosen and has no rows. */
  choices(title: string): { value: string | null; rows: number | undefined; isChosen: boolean }[] {
    const dialog = first(
      this.#body,
      (element) => has('role', 'dialog')(element) && has('aria-label', title)(element),
    );
    return (dialog ? all(dialog, isTag('label')) : []).map((label) => {
      const [name = '', rows = ''] = all(label, isTag('span')).map(wordsOf);
      return {
        value: namedValue(name),
        rows: rows === '' ? undefined : Number(rows.replaceAll(',', '')),
        isChosen: first(label, isTag('input'))?.checked === true,
      };
    });
  }

  isShown(chart: Chart): boolean {
    return first(this.#body, has('data-chart', chart.id)) !== undefined;
  }

  chart(chart: Chart): ChartScreen {
    const body = first(this.#body, has('data-chart', chart.id));
    if (!body) throw new Error(`${chart.id} is not on the screen`);
    const card = all(
      this.#body,
      (element) => element.tag === 'section' && element.children.includes(body),
    )[0];
    return new ChartScreen(chart, body, wordsOf(card && first(card, isTag('h2'))));
  }
}

/** One chart on the screen: as a drawing or as a table. */
class ChartScreen {
  readonly #chart: Chart;
  readonly #body: Element;
  readonly #title: string;

  constructor(chart: Chart, body: Element, title: string) {
    this.#chart = chart;
    this.#body = body;
    this.#title = title;
  }

  get isEmpty(): boolean {
    return /^No (data|rows)/.test(wordsOf(this.#body));
  }

  get notFiltered(): string[] {
    const [, names] = /not filtered by ([^·]+)/.exec(this.#title) ?? [];
    return names === undefined ? [] : names.trim().split(', ');
  }

  /** The numbers of its table, by their exact values; each is also held against its text. */
  get answer(): ChartAnswer {
    const alert = first(this.#body, has('role', 'alert'));
    const common = { notFiltered: this.notFiltered, from: 'full' as const };
    if (alert) return { ...common, kind: 'failed', message: wordsOf(alert) };
    if (this.#chart.kind === 'grid') return { ...common, ...this.#grid() };
    return this.#chart.kind === 'kpi'
      ? { ...common, ...this.#kpi() }
      : { ...common, ...this.#series() };
  }

  #table(): { heads: string[]; rows: Element[][] } {
    const table = first(this.#body, isTag('table'));
    if (!table) throw new Error(`${this.#chart.id} shows no table`);
    const [head, ...rows] = all(table, isTag('tr'));
    return {
      heads: head ? all(head, isTag('th')).map(wordsOf) : [],
      rows: rows.map((row) => all(row, isTag('td'))),
    };
  }

  #exact(cell: Element | undefined, where: string): string | null {
    const data = cell && first(cell, isTag('data'));
    if (!data) throw new Error(`${this.#chart.id}: ${where} has no exact value`);
    const { value = '' } = data.attributes;
    this.#shows(where, wordsOf(data), value === '' ? null : value);
    return value === '' ? null : value;
  }

  #shows(where: string, text: string, exact: string | null, length: Length = 'exact'): void {
    const { id, format } = this.#chart;
    expectShown(`${id}: ${where}`, text, { exact, length, format });
  }

  #kpi() {
    const lines = new Map(
      this.#table().rows.map(([name, number]) => [
        wordsOf(name),
        this.#exact(number, wordsOf(name)),
      ]),
    );
    const [shown, unfiltered, current, previous] = [
      'shown',
      'unfiltered',
      ...[...lines.keys()].filter((name) => name !== 'shown' && name !== 'unfiltered'),
    ].map((name) => lines.get(name));
    return {
      kind: 'kpi' as const,
      value: shown ?? null,
      ...(unfiltered === undefined ? {} : { total: unfiltered }),
      ...(current === undefined || previous === undefined
        ? {}
        : { compare: { span: this.#chart.compare as string, current, previous } }),
    };
  }

  #series() {
    const [, top, of] = /top (\d+) of (\d+)/.exec(this.#title) ?? [];
    const { heads, rows } = this.#table();
    if (top !== undefined) expect(Number(top), `${this.#chart.id}: bars`).toBe(rows.length);
    const [, grain] = /\((\w+)\)$/.exec(heads[0] ?? '') ?? [];
    const places = rows.map(([place]) => {
      const time = place && first(place, isTag('time'));
      return time ? Date.parse(`${time.attributes['datetime']}Z`) : namedValue(wordsOf(place));
    });
    const columns = heads.slice(1).map((head, at) => ({
      head,
      values: rows.map((cells, row) => {
        const exact = this.#exact(cells[at + 1], `${head} at ${places[row]}`);
        return exact === null ? null : Number(exact);
      }),
    }));
    const ghost = columns.find(({ head }) => head === 'unfiltered');
    const { color } = this.#chart;
    const series = columns
      .filter((column) => column !== ghost)
      .map(({ head, values }): Series => {
        if (color === undefined) return { values };
        return head === 'Other' ? { isOther: true, values } : { name: namedValue(head), values };
      });
    return {
      kind: 'series' as const,
      axis: {
        kind: grain === undefined ? ('category' as const) : ('time' as const),
        type: 'timestamp' as const,
        ...(grain === undefined ? {} : { grain: grain as 'day' }),
      },
      x: places,
      series,
      ...(ghost ? { ghost: ghost.values } : {}),
      categories: of === undefined ? rows.length : Number(of),
    };
  }

  #grid() {
    const rows = this.isEmpty
      ? []
      : this.#table().rows.map((cells) => cells.map((cell) => plainTime(wordsOf(cell))));
    const count = first(this.#body, has('data-rows'));
    const rowCount = Number(count?.attributes['data-rows'] ?? 0);
    if (count) {
      const [shown, of] = wordsOf(count)
        .split(' of ')
        .map((text) => Number.parseInt(text.replaceAll(',', ''), 10));
      expect([shown, of], `${this.#chart.id}: count`).toEqual([rows.length, rowCount]);
    }
    return { kind: 'grid' as const, columns: [], rows, rowCount };
  }

  /** Holds the drawing against the numbers of the same version. */
  expectDrawn(answer: ChartAnswer): void {
    if (this.isEmpty) return;
    if (answer.kind === 'kpi') this.#expectKpi(answer);
    if (answer.kind === 'series' && answer.axis.kind === 'category') this.#expectBars(answer);
  }

  #expectKpi({ value, total, compare }: ChartAnswer & { kind: 'kpi' }): void {
    const figure = first(this.#body, has('data-exact'));
    this.#shows('figure', wordsOf(figure), value, 'short');
    this.#shows('title', figure?.attributes['title'] ?? '', value);
    const note = all(this.#body, isTag('span')).map(wordsOf);
    const whole = note.map((words) => /(?:of|all:) (.+)$/.exec(words)?.[1]).find((one) => one);
    if (total !== undefined) this.#shows('total', whole ?? '', total, 'short');
    const share = note.map((words) => /^([-\d.,]+%) of /.exec(words)?.[1]).find((one) => one);
    const part = total == null || Number(total) === 0 ? undefined : Number(value) / Number(total);
    if (share && part !== undefined)
      expectShown(`${this.#chart.id}: share`, share, {
        exact: String(part),
        format: 'percent',
        length: 'short',
      });
    if (compare) this.#expectChange(compare);
  }

  #expectChange(compare: { current: string | null; previous: string | null }): void {
    const element = first(this.#body, has('data-current'));
    const { title = '' } = element?.attributes ?? {};
    const [current, previous] = title.split('; ').map((one) => one.replace(/^[^:]*: /, ''));
    this.#shows('current', current ?? '', compare.current);
    this.#shows('previous', previous ?? '', compare.previous);
    const [now, before] = [Number(compare.current), Number(compare.previous)];
    const { id, format } = this.#chart;
    if (format === 'percent') {
      this.#expectPoints(wordsOf(element), 100 * (now - before));
      return;
    }
    const [, arrow, percent] = /^([▲▼])? ?(?:\+)?([-\d.,]+%)/.exec(wordsOf(element)) ?? [];
    if (percent === undefined) {
      const hasShare = compare.current !== null && compare.previous !== null && before !== 0;
      expect(hasShare, `${id}: ${wordsOf(element)} of ${title}`).toBe(false);
      return;
    }
    const change = (now - before) / Math.abs(before);
    expectShown(`${id}: change`, percent, {
      exact: String(change),
      format: 'percent',
      length: 'short',
    });
    const wanted = now > before ? '▲' : now < before ? '▼' : undefined;
    expect(arrow, `${id}: arrow of ${title}`).toBe(wanted);
  }

  /** A share changes by points. */
  #expectPoints(words: string, change: number): void {
    const points = /([-+]?[\d.,]+) points?/.exec(words)?.[1];
    if (points === undefined) expect(Number.isFinite(change), words).toBe(false);
    else expect(Math.abs(Number(points.replaceAll(',', '')) - change), words).toBeLessThan(0.051);
  }

  #expectBars({ x, series }: ChartAnswer & { kind: 'series' }): void {
    const { id } = this.#chart;
    const bars = all(this.#body, has('role', 'option'));
    const texts = all(this.#body, isTag('text'));
    expect(
      bars.map(({ attributes }) => attributes['title']?.replace(/: [^:]*$/, '')),
      `${id}: names of bars`,
    ).toEqual(x.map((value) => nameOf(value as string | null)));
    const sums = x.map((_, at) => {
      const values = series.map((one) => one.values[at] ?? null).filter((one) => one !== null);
      // In thousandths: no value of the test's records has more digits.
      const sum = values.reduce((a, b) => a + Math.round(b * 1000), 0);
      return values.length === 0 ? null : sum / 1000;
    });
    const greatest = Math.max(...sums.map((sum) => Math.abs(sum ?? 0)));
    for (const [at, bar] of bars.entries()) {
      const exact = sums[at] == null ? null : String(sums[at]);
      const label = bar.attributes['aria-label'] ?? '';
      this.#shows(`bar ${at}`, label.slice(label.lastIndexOf(', ') + 2), exact);
      this.#expectLabel(bar, texts, exact, greatest);
    }
  }

  /** The name stands left of the plot, the value at the end of the bar. */
  #expectLabel(
    bar: Element,
    texts: readonly Element[],
    exact: string | null,
    greatest: number,
  ): void {
    const [, value] = texts
      .filter(({ place }) => Math.abs((place?.middle ?? 0) - (bar.place?.middle ?? 0)) < 8)
      .sort((a, b) => (a.place?.left ?? 0) - (b.place?.left ?? 0));
    const where = `label of ${bar.attributes['title']}`;
    if (exact === null) expect(value, `${this.#chart.id}: ${where}`).toBeUndefined();
    else {
      const { id, format } = this.#chart;
      const told = `${id}: ${where}`;
      expectShown(told, wordsOf(value), { exact, length: 'short', format, greatest });
    }
  }
}

/** The screen as an answer, of the charts that it shows. */
export function answerOf(
  screen: Screen,
  charts: readonly Chart[],
  selects: readonly { readonly field: string; readonly title: string }[],
): Pick<DashboardAnswer, 'version' | 'charts' | 'choices' | 'choiceCounts' | 'instants'> {
  const shown = charts.filter((chart) => screen.isShown(chart));
  const choices = selects.map(({ field, title }): [string, Choice[]] => [
    field,
    screen
      .choices(title)
      .flatMap(({ value, rows }) => (rows === undefined ? [] : [{ value, rows }])),
  ]);
  return {
    version: screen.version,
    charts: Object.fromEntries(
      shown
        .filter((chart) => chart.kind === 'grid' || !screen.chart(chart).isEmpty)
        .map((chart) => [chart.id, screen.chart(chart).answer]),
    ),
    choices: Object.fromEntries(choices),
    choiceCounts: Object.fromEntries(choices.map(([field, { length }]) => [field, length])),
    // How times are written is not what is held here.
    instants: { fields: [], time: false },
  };
}
