import { GRAINS } from '../core/time-grain.ts';
import {
  type Chart,
  type ChartBuilders,
  type ChartKind,
  type DashboardItem,
  type FilterColumn,
  FORMATS,
} from './chart.ts';
import { invalidDefinition, parseDuration } from './invalid.ts';
import { rememberLocation } from './location.ts';

/** The functions that make a dashboard's items, and what they refuse. */

type Given = { readonly [option: string]: unknown };
/** `undefined` when the value is right, else what it must be. */
type Rule = (value: unknown) => string | undefined;

const text: Rule = (value) => (typeof value === 'string' && value !== '' ? undefined : 'text');
const oneOf =
  (...choices: readonly string[]): Rule =>
  (value) =>
    choices.includes(value as string)
      ? undefined
      : `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`;
const count =
  (max: number): Rule =>
  (value) =>
    Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max
      ? undefined
      : `a whole number from 1 to ${max}`;
const aggregate: Rule = (value) =>
  (typeof value === 'string' && value !== '') ||
  (value as { kind?: unknown } | null)?.kind === 'sql'
    ? undefined
    : 'an aggregate such as sql`sum(quantity)`, or the name of a measure';
const texts: Rule = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string')
    ? undefined
    : 'a list of at least one column';

const isFormat = (value: unknown): boolean =>
  typeof value === 'string' && (FORMATS.some((name) => name === value) || /^[A-Z]{3}$/.test(value));
const FORMAT_WORDS = `one of ${FORMATS.map((name) => `'${name}'`).join(', ')}, or a currency such as 'GBP'`;
const format: Rule = (value) => (isFormat(value) ? undefined : FORMAT_WORDS);
const formats: Rule = (value) =>
  typeof value === 'object' && value !== null && Object.values(value).every(isFormat)
    ? undefined
    : `an object from column to format; a format is ${FORMAT_WORDS}`;

interface OptionRule {
  readonly rule: Rule;
  readonly required?: boolean;
}
const NAMED = { description: { rule: text } };
const SERIES = {
  ...NAMED,
  x: { rule: text, required: true },
  y: { rule: aggregate, required: true },
  color: { rule: text },
  by: { rule: oneOf(...GRAINS) },
  series: { rule: count(20) },
  format: { rule: format },
};
const BARS = { ...SERIES, top: { rule: count(1000) } };

const OPTIONS: { readonly [K in ChartKind]: { readonly [option: string]: OptionRule } } = {
  kpi: {
    ...NAMED,
    value: { rule: aggregate, required: true },
    format: { rule: format },
    compare: { rule: text },
    good: { rule: oneOf('up', 'down') },
  },
  line: SERIES,
  area: SERIES,
  bar: BARS,
  stacked: { ...BARS, color: { rule: text, required: true } },
  grid: {
    ...NAMED,
    columns: { rule: texts, required: true },
    sort: { rule: text },
    order: { rule: oneOf('asc', 'desc') },
    limit: { rule: count(1000) },
    formats: { rule: formats },
  },
};

/** `Revenue by day` → `revenue-by-day`: the id of a chart in links. */
export function slug(title: string): string {
  const plain = title.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '');
}

/** What `builders.ts` makes is remembered, so that anything else in the list is refused. */
const made = new WeakSet<object>();

export function isDashboardItem(value: unknown): value is DashboardItem {
  return typeof value === 'object' && value !== null && made.has(value);
}

function finished<T extends DashboardItem>(item: T): T {
  rememberLocation(item);
  const frozen = Object.freeze(item);
  made.add(frozen);
  return frozen;
}

/** The builders of one dashboard; `dashboard` names it in messages. */
export function chartBuilders(dashboard: string): ChartBuilders {
  const fail = (where: string, problem: string) =>
    invalidDefinition(dashboard, `${where}: ${problem}`);
  const chart =
    (kind: ChartKind) =>
    (title: unknown, options: unknown): Chart =>
      finished(makeChart(kind, title, options, dashboard));
  const column = (where: string, given: FilterColumn) => columnOf(given, (p) => fail(where, p));
  const items = (where: string, given: unknown): readonly DashboardItem[] => {
    if (!Array.isArray(given) || given.length === 0 || !given.every(isDashboardItem))
      throw fail(where, 'takes charts and controls, for example row(kpi(…), kpi(…)).');
    return Object.freeze([...given]);
  };
  return {
    kpi: chart('kpi'),
    line: chart('line'),
    area: chart('area'),
    bar: chart('bar'),
    stacked: chart('stacked'),
    grid: chart('grid'),
    select: (given, options = {}) =>
      finished(makeControl('select', column('select', given), options)),
    search: (given, options = {}) =>
      finished(makeControl('search', column('search', given), options)),
    period: (options = {}) =>
      finished({
        kind: 'period',
        default: span(options.default ?? 'all', dashboard),
        spans: Object.freeze(
          (options.spans ?? ['24h', '7d', '30d', '90d', '1y', 'all']).map((one) =>
            span(one, dashboard),
          ),
        ),
      }),
    row: (...given) => finished({ kind: 'row', items: items('row(…)', given) }),
    tabs: (given) => {
      const entries = Object.entries(given ?? {});
      if (entries.length === 0)
        throw fail(
          'tabs(…)',
          'takes an object from title to list, for example tabs({ Lines: [grid(…)] }).',
        );
      return finished({
        kind: 'tabs',
        id: slug(entries.map(([title]) => title).join(' ')),
        tabs: Object.freeze(
          entries.map(([title, list]) =>
            Object.freeze({ title, items: items(`tab '${title}'`, list) }),
          ),
        ),
      });
    },
  } as ChartBuilders;
}

function makeControl<K extends 'select' | 'search'>(
  kind: K,
  { from, field }: { from: string; field: string },
  options: { readonly title?: string },
) {
  return { kind, id: field, title: options.title ?? field.replaceAll('_', ' '), from, field };
}

function span(value: unknown, dashboard: string): string {
  if (value === 'all') return value;
  parseDuration(dashboard, 'period', value);
  return value as string;
}

const FILTER_COLUMN =
  "takes a field, for example select(sales.fields.country), or { from: dailyRevenue, column: 'country' }.";

function columnOf(
  given: FilterColumn,
  fail: (problem: string) => Error,
): { from: string; field: string } {
  if (typeof given === 'object' && given !== null) {
    if ('kind' in given && given.kind === 'field-reference')
      return { from: given.of, field: given.field };
    if ('column' in given && given.from?.kind === 'model' && typeof given.column === 'string')
      return { from: given.from.name, field: given.column };
  }
  throw fail(FILTER_COLUMN);
}

/** What the caller does to his list later does nothing to the chart. */
function ownCopy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze([...value]);
  return typeof value === 'object' ? Object.freeze({ ...value }) : value;
}

function makeChart(kind: ChartKind, title: unknown, options: unknown, dashboard: string): Chart {
  const name = `${kind}('${String(title)}')`;
  const fail = (problem: string) => invalidDefinition(dashboard, `${name}: ${problem}`);
  if (typeof title !== 'string' || slug(title) === '')
    throw invalidDefinition(dashboard, `${kind}(…): the first argument must be a title.`);
  if (typeof options !== 'object' || options === null)
    throw fail('the second argument must be an object of options, for example { from: sales, … }.');
  const { from, ...given } = options as { from?: { kind?: string; name?: string } } & Given;
  if (from?.kind !== 'stream' && from?.kind !== 'model')
    throw fail('`from` must be a stream or a model.');
  const known = OPTIONS[kind];
  for (const [option, value] of Object.entries(given)) {
    const rule = known[option];
    if (!rule)
      throw fail(
        `there is no option \`${option}\`. Options are: ${['from', ...Object.keys(known)].join(', ')}.`,
      );
    const wanted = value === undefined ? undefined : rule.rule(value);
    if (wanted) throw fail(`\`${option}\` must be ${wanted}.`);
  }
  for (const [option, { rule, required }] of Object.entries(known)) {
    if (required && given[option] === undefined)
      throw fail(`\`${option}\` is missing; it must be ${rule(undefined) ?? 'given'}.`);
  }
  if (given['compare'] !== undefined && given['compare'] !== 'previous')
    parseDuration(`${dashboard}: ${name}`, 'compare', given['compare']);
  const { y, value, ...rest } = given;
  const measure = value ?? y;
  const plain = Object.fromEntries(
    Object.entries(rest)
      .filter(([, one]) => one !== undefined)
      .map(([option, one]) => [option, ownCopy(one)]),
  );
  return {
    kind,
    id: slug(title),
    title,
    from: from.name as string,
    ...(measure === undefined ? {} : { value: measure }),
    ...plain,
  } as Chart;
}
