import type { ChartAnswer, SeriesAnswer } from '../../../src/dashboard/answer.ts';
import type { DashboardState } from '../../../src/dashboard/state.ts';
import type { Chart } from '../../../src/definition/chart.ts';

/** A chart in a state that it can be in, with numbers that are always the same. */
export interface Sample {
  readonly state: string;
  readonly chart: Chart;
  /** Undefined: its numbers have not come yet. */
  readonly answer: ChartAnswer | undefined;
  readonly chosen: DashboardState;
}

const NOTHING_CHOSEN: DashboardState = { filters: {}, tabs: {} };
const FRANCE: DashboardState = { filters: { country: { in: ['France', 'Spain'] } }, tabs: {} };
const MARCH: DashboardState = {
  filters: { day: { range: { from: '2026-02-10', until: '2026-03-20' } } },
  tabs: {},
};
const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2026, 0, 1);
const DAYS = Array.from({ length: 120 }, (_, day) => FIRST_MS + day * DAY_MS);
const COUNTRIES = ['United Kingdom', 'Germany', 'France', 'Spain', 'Netherlands', null, 'Ireland'];

/** A season and a week, without chance. */
const wave = (day: number, size: number): number =>
  Math.round(size * (1 + 0.4 * Math.sin(day / 18) + 0.25 * Math.sin((day * 2 * Math.PI) / 7)));

const WHOLE = { notFiltered: [], from: 'cube' } as const;
const chart = (kind: Chart['kind'], title: string, more: Partial<Chart> = {}): Chart => ({
  kind,
  id: title.toLowerCase().replaceAll(' ', '-'),
  title,
  from: 'sales',
  format: 'GBP',
  ...more,
});

function overTime(sizes: readonly (readonly [string | null, number])[]): SeriesAnswer {
  return {
    kind: 'series',
    axis: { kind: 'time', grain: 'day', type: 'date' },
    x: DAYS,
    series: sizes.map(([name, size], place) => ({
      ...(sizes.length > 1 ? { name } : {}),
      ...(name === 'Other' ? { isOther: true } : {}),
      values: DAYS.map((_, day) => (day === 40 || day === 41 ? null : wave(day + 9 * place, size))),
    })),
  };
}

const ONE = overTime([[null, 900]]);
const MANY = overTime([
  ['United Kingdom', 900],
  ['Germany', 500],
  ['France', 300],
  ['Other', 200],
]);
const BARS: SeriesAnswer = {
  kind: 'series',
  axis: { kind: 'category', type: 'string' },
  x: COUNTRIES,
  series: [{ values: [8_187_000, 284_000, 221_000, 197_400, 137_000, 56_390, -4_200] }],
  categories: 38,
};
const STACKED: SeriesAnswer = {
  ...BARS,
  series: [
    { name: 'web', values: [420, 300, 210, 180, 90, 60, 30] },
    { name: 'shop', values: [380, 120, 260, 40, 120, 20, 55] },
    { isOther: true, values: [90, 40, 30, 20, 60, 10, 5] },
  ],
};
const SPARK = {
  x: DAYS.slice(0, 30),
  y: DAYS.slice(0, 30).map((_, day) => wave(day, 90)),
  grain: 'day',
} as const;

const sample = (
  state: string,
  one: Chart,
  answer: ChartAnswer | undefined,
  chosen = NOTHING_CHOSEN,
): Sample => ({ state, chart: { ...one, title: `${one.title}, ${state}` }, answer, chosen });

const revenue = chart('kpi', 'Revenue');
const byDay = chart('line', 'Revenue by day', { x: 'day' });
const byCountry = chart('bar', 'Revenue by country', { x: 'country' });
const lines = chart('grid', 'Latest lines', { columns: ['invoice_no', 'country', 'unit_price'] });

/** Every kind of chart in every state. */
export const SAMPLES: readonly { readonly title: string; readonly samples: readonly Sample[] }[] = [
  {
    title: 'kpi',
    samples: [
      sample('alone', revenue, { ...WHOLE, kind: 'kpi', value: '9747747.934', spark: SPARK }),
      sample('filtered and compared', revenue, {
        ...WHOLE,
        kind: 'kpi',
        value: '119461.20',
        total: '9747747.934',
        isShare: true,
        compare: { span: '1d', current: '1590.97', previous: '3684.99' },
        spark: SPARK,
      }),
      sample('computed in full', chart('kpi', 'Orders', { format: 'integer', good: 'down' }), {
        kind: 'kpi',
        value: '25900',
        compare: { span: '7d', current: '480', previous: '455' },
        notFiltered: ['country'],
        from: 'full',
      }),
      sample('empty', revenue, { ...WHOLE, kind: 'kpi', value: null }),
      sample('loading', revenue, undefined),
      sample('failed', revenue, {
        ...WHOLE,
        kind: 'failed',
        message: "Could not convert string 'abc' to INT32",
      }),
    ],
  },
  {
    title: 'line and area',
    samples: [
      sample('one series', byDay, { ...WHOLE, ...ONE }),
      sample(
        'filtered elsewhere, a span chosen here',
        byDay,
        {
          ...WHOLE,
          ...overTime([[null, 240]]),
          ghost: ONE.series[0]?.values ?? [],
        },
        MARCH,
      ),
      sample(
        'by colour',
        chart('line', 'Revenue by country and day', { x: 'day', color: 'country' }),
        { ...WHOLE, ...MANY },
        FRANCE,
      ),
      sample('area', chart('area', 'Revenue by country and day', { x: 'day', color: 'country' }), {
        ...WHOLE,
        ...MANY,
      }),
      sample('empty', byDay, { ...WHOLE, ...ONE, x: [], series: [{ values: [] }] }),
      sample('loading', byDay, undefined),
    ],
  },
  {
    title: 'bar and stacked',
    samples: [
      sample('bars', byCountry, { ...WHOLE, ...BARS }),
      sample('some chosen', byCountry, { ...WHOLE, ...BARS }, FRANCE),
      sample(
        'stacked',
        chart('stacked', 'Orders by country and channel', {
          x: 'country',
          color: 'channel',
          format: 'integer',
        }),
        { ...WHOLE, ...STACKED },
      ),
      sample('columns over time', chart('bar', 'Revenue by day', { x: 'day' }), {
        ...WHOLE,
        ...ONE,
      }),
    ],
  },
  {
    title: 'grid',
    samples: [
      sample('rows', lines, {
        kind: 'grid',
        notFiltered: [],
        from: 'full',
        columns: [
          { name: 'invoice_no', type: 'string' },
          { name: 'country', type: 'string' },
          { name: 'unit_price', type: 'decimal' },
        ],
        rows: [
          ['581587', 'France', '4.150'],
          ['581586', null, '1234.500'],
        ],
        rowCount: 541_909,
      }),
      sample('empty', lines, {
        kind: 'grid',
        notFiltered: [],
        from: 'full',
        columns: [],
        rows: [],
        rowCount: 0,
      }),
    ],
  },
];
