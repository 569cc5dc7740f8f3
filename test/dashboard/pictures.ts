import type { ChartAnswer, DashboardAnswer, GridAnswer } from '../../src/dashboard/answer.ts';
import type { Picture } from '../../src/dashboard/renderer.ts';
import { parseState } from '../../src/dashboard/state.ts';
import type { DashboardItem } from '../../src/definition/chart.ts';
import { chartBuilders } from '../../src/definition/chart-builders.ts';
import { field as f } from '../../src/definition/field.ts';
import { sql } from '../../src/definition/sql.ts';
import { stream } from '../../src/definition/stream.ts';

/** A shop's dashboard with answers that never change, as an engine would give them. */
export const sales = stream('sales', {
  fields: {
    invoice_no: f.string(),
    description: f.string().optional(),
    quantity: f.int(),
    unit_price: f.decimal(10, 3),
    invoice_date: f.timestamp(),
    country: f.string(),
  },
  time: 'invoice_date',
});
export const CHARTS = chartBuilders('pictures');
const { kpi, line, area, bar, stacked, grid, period, select, search, row, tabs } = CHARTS;
const value = sql`sum(quantity * unit_price)`;
const money = { from: sales, y: value, format: 'GBP' } as const;

export const ITEMS: readonly DashboardItem[] = [
  row(period(), select(sales.fields.country), search(sales.fields.description, { title: 'Text' })),
  row(
    kpi('Revenue', { from: sales, value, format: 'GBP', compare: '1d' }),
    kpi('Returns', { from: sales, value, format: 'compact', compare: '7d', good: 'down' }),
    kpi('Orders', { from: sales, value, format: 'integer' }),
  ),
  line('Revenue by day', { ...money, x: 'invoice_date' }),
  row(
    bar('Top products', { ...money, x: 'description', top: 12 }),
    bar('Revenue by country', { ...money, x: 'country' }),
  ),
  tabs({
    'Latest lines': [
      grid('Latest lines', {
        from: sales,
        columns: ['invoice_date', 'invoice_no', 'description', 'country', 'quantity', 'unit_price'],
      }),
    ],
    'By country': [
      area('Revenue by day and country', { ...money, x: 'invoice_date', color: 'country' }),
      stacked('Countries by month', { ...money, x: 'invoice_date', color: 'country', by: 'month' }),
    ],
    More: [line('Two countries', { ...money, x: 'invoice_date', color: 'country' })],
  }),
];

const DAY_MS = 86_400_000;
const FIRST = Date.UTC(2011, 0, 1);
const days = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => FIRST + index * DAY_MS);
/** The same on every machine, and never the same twice. */
const wave = (index: number): number =>
  Math.round(20_000 + 14_000 * Math.sin(index / 17) + 5000 * Math.sin(index * 1.7)) + index * 40;

const whole = { notFiltered: [], from: 'cube' as const };
const COUNTRIES = ['United Kingdom', 'Germany', 'France', 'Ireland', null] as const;
const PRODUCTS: readonly (readonly [string | null, number])[] = [
  ['REGENCY CAKESTAND 3 TIER', 132_870.4],
  ['WHITE HANGING HEART T-LIGHT HOLDER', 93_823.85],
  ['JUMBO BAG RED RETROSPOT', 83_236.76],
  ['PARTY BUNTING', 67_687.53],
  ['POSTAGE', 66_710.24],
  ['ASSORTED COLOUR BIRD ORNAMENT', 56_499.22],
  [null, 42_700],
  ['', 1240.5],
];
const COUNTRY_VALUES: readonly (readonly [string, number])[] = [
  ['United Kingdom', 36_760_000],
  ['Germany', 12_170_000],
  ['France', 8_930_000],
  ['Ireland', 7_310_000],
  ['Österreich', 940_000],
];

export const bins = (count: number, values: (index: number) => number | null) => ({
  kind: 'series' as const,
  axis: { kind: 'time' as const, grain: 'day' as const, type: 'timestamp' as const },
  x: days(count),
  series: [{ values: days(count).map((_, index) => values(index)) }],
  ...whole,
});
export const ranked = (
  values: readonly (readonly [string | null, number | null])[],
  categories?: number,
) => ({
  kind: 'series' as const,
  axis: { kind: 'category' as const, type: 'string' as const },
  x: values.map(([name]) => name),
  series: [{ values: values.map(([, amount]) => amount) }],
  ...(categories === undefined ? {} : { categories }),
  ...whole,
});
export const byCountry = (count: number, grain: 'day' | 'month') => ({
  kind: 'series' as const,
  axis: { kind: 'time' as const, grain, type: 'timestamp' as const },
  x:
    grain === 'day'
      ? days(count)
      : Array.from({ length: count }, (_, index) => Date.UTC(2011, index, 1)),
  series: [
    ...COUNTRIES.map((name, at) => ({
      name,
      values: Array.from({ length: count }, (_, index) =>
        Math.round(wave(index + 9 * at) / (at + 1)),
      ),
    })),
    { isOther: true, values: Array.from({ length: count }, (_, index) => 900 + 11 * index) },
  ],
  ...whole,
});
const spark = { x: days(60), y: days(60).map((_, index) => wave(index)), grain: 'day' as const };

export const GRID: GridAnswer & ChartAnswer = {
  kind: 'grid',
  columns: [
    { name: 'invoice_date', type: 'timestamp' },
    { name: 'invoice_no', type: 'string' },
    { name: 'description', type: 'string' },
    { name: 'country', type: 'string' },
    { name: 'quantity', type: 'int' },
    { name: 'unit_price', type: 'decimal' },
  ],
  rows: Array.from({ length: 20 }, (_, index) => [
    `2011-12-09T12:${String(50 - index).padStart(2, '0')}:00`,
    String(581_587 - index),
    index === 3 ? null : (PRODUCTS[index % PRODUCTS.length]?.[0] ?? 'BAKING SET 9 PIECE RETROSPOT'),
    COUNTRY_VALUES[index % 5]?.[0],
    index === 4 ? -12 : 1 + ((index * 7) % 24),
    `${index % 4}.${95 - index}`,
  ]),
  rowCount: 155_070,
  ...whole,
};

const ANSWERS: { readonly [id: string]: ChartAnswer } = {
  revenue: {
    kind: 'kpi',
    value: '21100482.370',
    total: '272980000.00',
    isShare: true,
    compare: { span: '1d', current: '41250.10', previous: '38904.00' },
    spark,
    ...whole,
  },
  returns: {
    kind: 'kpi',
    value: '-18430',
    compare: { span: '7d', current: '-420', previous: '-310' },
    spark: { ...spark, y: spark.y.map((one, index) => (index % 13 === 4 ? null : -one)) },
    ...whole,
  },
  orders: { kind: 'kpi', value: '155070', notFiltered: ['description'], from: 'full' },
  'revenue-by-day': bins(340, wave),
  'top-products': ranked(PRODUCTS, 3941),
  'revenue-by-country': ranked(COUNTRY_VALUES),
  'revenue-by-day-and-country': byCountry(120, 'day'),
  'countries-by-month': byCountry(12, 'month'),
  'two-countries': byCountry(120, 'day'),
  'latest-lines': GRID,
};

const ANSWER: DashboardAnswer = {
  version: { sales: 155_070 },
  newest: { sales: '2011-12-09T12:50:00' },
  period: { from: '2011-01-01', until: '2011-12-07' },
  instants: { fields: [], time: false },
  charts: ANSWERS,
  choices: {},
  choiceCounts: {},
};

export type PictureOptions = Partial<Omit<Picture, 'state' | 'answer' | 'dashboard'>> & {
  /** As in the page's address. */
  readonly query?: string;
  readonly answers?: { readonly [id: string]: ChartAnswer };
  readonly items?: readonly DashboardItem[];
};

/** A picture of the shop's dashboard, or of one chart; other answers stand in for those of the shop. */
export function picture(given: PictureOptions = {}): Picture {
  const { query = '', answers = {}, items = ITEMS, ...others } = given;
  return {
    format: 'svg',
    dashboard: { title: 'Retail sales', items },
    theme: 'light',
    wording: { language: 'en', timeZone: 'UTC' },
    width: others.chart === undefined ? 1200 : 640,
    ...others,
    state: parseState(query),
    answer: { ...ANSWER, charts: { ...ANSWERS, ...answers } },
  };
}
