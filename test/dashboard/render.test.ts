import { Resvg } from '@resvg/resvg-js';
import { describe, expect, test } from 'vitest';
import { echartsPlotter } from '../../src/dashboard/embedded/drawing/echarts-plot.ts';
import { compose } from '../../src/dashboard/render/compose.ts';
import { sql } from '../../src/definition/sql.ts';
import {
  bins,
  byCountry,
  CHARTS,
  GRID,
  ITEMS,
  type PictureOptions,
  picture,
  ranked,
  sales,
} from './pictures.ts';

/** Written anew by `vitest -u`; look at the pictures before you commit them. */
const golden = (name: string): string => `golden/${name}.svg`;
const draw = (given: PictureOptions) => compose(picture(given), echartsPlotter());
/** One element a line, so that a difference can be read. */
const readable = (svg: string): string => `${svg.replace(/></g, '>\n<')}\n`;

const KINDS: { readonly [name: string]: PictureOptions } = {
  kpi: { chart: 'revenue', width: 320 },
  'kpi-less-is-good': { chart: 'returns', width: 320 },
  'kpi-bare': { chart: 'orders', width: 320 },
  'kpi-no-value': {
    chart: 'revenue',
    width: 320,
    answers: {
      revenue: {
        kind: 'kpi',
        value: null,
        total: '12.5',
        isShare: true,
        notFiltered: [],
        from: 'cube',
      },
    },
  },
  line: { chart: 'revenue-by-day', answers: { 'revenue-by-day': bins(40, (at) => 900 + at * at) } },
  'line-gaps-negative': {
    chart: 'revenue-by-day',
    answers: {
      'revenue-by-day': bins(30, (at) => (at === 9 || (at > 14 && at < 20) ? null : 500 - at * 60)),
    },
  },
  'line-chosen-ghost': {
    chart: 'revenue-by-day',
    query: 'invoice_date.range=2011-01-08..2011-01-15&country=Germany',
    answers: {
      'revenue-by-day': {
        ...bins(30, (at) => 500 + at * 10),
        ghost: Array.from({ length: 30 }, (_, at) => 2000 + at * 25),
      },
    },
  },
  'lines-by-colour-one-chosen': {
    chart: 'two-countries',
    query: 'country=Germany',
    answers: { 'two-countries': byCountry(20, 'day') },
  },
  area: {
    chart: 'revenue-by-day-and-country',
    answers: { 'revenue-by-day-and-country': byCountry(20, 'day') },
  },
  stacked: { chart: 'countries-by-month' },
  bar: { chart: 'top-products' },
  'bar-chosen': { chart: 'revenue-by-country', query: 'country=Germany&country=France' },
  'bar-one': {
    chart: 'revenue-by-country',
    answers: { 'revenue-by-country': ranked([['UK', 7]]) },
  },
  'bar-negative': {
    chart: 'revenue-by-country',
    answers: {
      'revenue-by-country': ranked([
        ['Germany', 1200.5],
        ['A country with a name that is longer than any chart is wide, and then some', 3],
        ['France', null],
        ['Österreich', -800],
      ]),
    },
  },
  grid: { chart: 'latest-lines', height: 260 },
  'grid-narrow': { chart: 'latest-lines', width: 360, height: 200 },
  'no-data': { chart: 'revenue-by-day', answers: { 'revenue-by-day': bins(0, () => null) } },
  'no-rows': {
    chart: 'latest-lines',
    answers: { 'latest-lines': { ...GRID, rows: [], rowCount: 0 } },
  },
};

describe('golden pictures', () => {
  test.each(Object.entries(KINDS))('%s', async (name, given) => {
    for (const theme of ['light', 'dark'] as const)
      await expect(readable(draw({ ...given, theme }))).toMatchFileSnapshot(
        golden(`${name}-${theme}`),
      );
  });

  test.each(['light', 'dark'] as const)('a dashboard, %s', async (theme) => {
    await expect(readable(draw({ theme, query: 'country=Germany' }))).toMatchFileSnapshot(
      golden(`dashboard-${theme}`),
    );
  });

  test('a dashboard on a phone, with another tab', async () => {
    const query = 'latest-lines-by-country-more.tab=1';
    await expect(readable(draw({ query, width: 390 }))).toMatchFileSnapshot(golden('phone'));
  });
});

/** What a parser finds wrong with a text as XML; the renderer has a strict one. */
function xmlProblem(svg: string): string | undefined {
  try {
    new Resvg(svg, { font: { loadSystemFonts: false } });
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const HOSTILE = [
  '</text><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  '<![CDATA[ ]]> & &amp; &#x0; <!-- -->',
  '\u0000\u0007\u001b[31m \ud800 \udfff \ufffe lone halves',
  '{b} {c} {a|rich} ${1}',
  'url(#zr0-c0) id="zr0-c0" class="x" ecmeta_a="b"',
  'line\nbreak\tand\r\nmore',
  '\u202eright to left\u202c',
  '',
] as const;

describe('texts of data', () => {
  const answers = {
    revenue: {
      kind: 'failed',
      message: HOSTILE.join(' '),
      notFiltered: [...HOSTILE],
      from: 'full',
    },
    'top-products': ranked(HOSTILE.map((name, at) => [name, 10 - at])),
    'latest-lines': {
      ...GRID,
      columns: [{ name: HOSTILE[0], type: 'string' as const }, ...GRID.columns.slice(1)],
      rows: HOSTILE.map((name) => GRID.columns.map(() => name)),
    },
    'two-countries': {
      ...byCountry(3, 'day'),
      series: HOSTILE.map((name) => ({ name, values: [1, 2, 3] })),
    },
  } as const;
  const query = HOSTILE.map((one) => new URLSearchParams({ one }).toString().slice('one='.length))
    .map((one) => `country=${one}&description.has=${one}`)
    .join('&');
  const items = [...ITEMS, CHARTS.kpi('</title><script>', { from: sales, value: sql`1` })];
  const drawings = {
    dashboard: draw({ answers, query, items }),
    'another tab': draw({ answers, query: `${query}&latest-lines-by-country-more.tab=2`, items }),
    bars: draw({ answers, query, chart: 'top-products' }),
  };

  test.each(Object.entries(drawings))('are never markup: %s', (_, svg) => {
    expect(xmlProblem(svg)).toBeUndefined();
    const elements = new Set([...svg.matchAll(/<\/?([^\s/>]+)/g)].map(([, name]) => name));
    const known = ['svg', 'title', 'rect', 'g', 'text', 'path', 'defs', 'clipPath'];
    expect([...elements].filter((name) => !known.includes(name as string))).toEqual([]);
    expect(svg).not.toMatch(/<[^>]*\son\w+\s*=/);
    expect(svg).toContain('&lt;/text&gt;&lt;script&gt;');
  });

  test('are kept but for what XML cannot write', () => {
    expect(drawings.bars).toContain('{b} {c} {a|rich} ${1}');
    expect(drawings.bars).toContain('line break and more');
  });

  test('control: a text that is not escaped is noticed', () => {
    expect(xmlProblem(drawings.bars.replace('&lt;/text&gt;', '</text>'))).toMatch(/tag|element/);
  });
});

describe('a picture', () => {
  test('is the same for the same request, and has ids of its own', () => {
    const one = picture({ query: 'invoice_date.range=2011-02-01..2011-03-01' });
    const svg = compose(one, echartsPlotter());
    expect(compose(one, echartsPlotter())).toBe(svg);
    const ids = [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('asks for nothing, and runs nothing', () => {
    for (const svg of [draw({}), draw({ chart: 'top-products' }), draw({ chart: 'latest-lines' })])
      expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
        /https?:|href|<style|<script|url\((?!#)/,
      );
  });

  test('has the size that was asked for, whatever there is to show', () => {
    for (const chart of ['revenue', 'revenue-by-day', 'top-products', 'latest-lines'])
      for (const [width, height] of [
        [200, 80],
        [640, 300],
        [2400, 2000],
      ] as const)
        expect(draw({ chart, width, height })).toMatch(
          new RegExp(`^<svg [^>]*width="${width}" height="${height}"`),
        );
  });

  test('of a figure that is wide is smaller, and whole', () => {
    const revenue = { kind: 'kpi', value: '2019-02-28 17:00:00+00', notFiltered: [] } as const;
    const svg = compose(
      {
        ...picture({
          chart: 'newest',
          width: 200,
          items: [CHARTS.kpi('Newest', { from: sales, value: sql`1`, format: 'datetime' })],
          answers: { newest: { ...revenue, from: 'full' } },
        }),
        wording: { language: 'en', timeZone: 'America/New_York' },
      },
      echartsPlotter(),
    );
    expect(svg).toContain('Feb 28, 2019, 12:00:00');
  });

  test('of many bars shows those there is room for, and says so', () => {
    const many = ranked(Array.from({ length: 1000 }, (_, at) => [`Product ${at}`, 1000 - at]));
    const answers = { 'top-products': many };
    expect(draw({ chart: 'top-products', answers })).toContain('top 100 of 1,000');
    const low = draw({ chart: 'top-products', answers, height: 200 });
    expect(low).toContain('top 6 of 1,000');
    expect(low).toContain('Product 5');
    expect(low).not.toContain('Product 6');
  });

  test('of a chart that failed says why, and the others are drawn', () => {
    const message = 'Binder Error: there is no column "revnue"';
    const svg = draw({
      answers: { revenue: { kind: 'failed', message, notFiltered: [], from: 'full' } },
    });
    expect(svg).toContain('This chart could not be computed.');
    expect(svg).toContain('no column &quot;revnue&quot;');
    expect(svg).toContain('£132.9K');
  });

  test('is written in the language asked for', () => {
    const wording = { language: 'de', timeZone: 'UTC' };
    expect(draw({ chart: 'latest-lines', wording })).toContain('155.070 rows');
    expect(draw({ chart: 'top-products', wording })).toMatch(/132\.870.£/);
  });
});

describe('the layout of a dashboard', () => {
  const titles = (svg: string) =>
    [...svg.matchAll(/font-weight="600" fill="[^"]+">([^<]+)</g)].map(([, title]) => title);

  test('shows the tab chosen, and the last one where that is gone', () => {
    const tab = (index: number) =>
      titles(draw({ query: `latest-lines-by-country-more.tab=${index}` }));
    expect(tab(0)).toContain('Invoice date');
    expect(tab(1)).toContain('Countries by month');
    expect(tab(1)).not.toContain('Invoice date');
    expect(tab(9)).toContain('Two countries');
  });

  test('puts things below each other where there is no room beside', () => {
    const heightOf = (width: number) =>
      Number(/height="(\d+)"/.exec(draw({ width }))?.[1] as string);
    expect(heightOf(600)).toBeGreaterThan(heightOf(1200) + 150);
  });

  test('says what is filtered, by the name of its control', () => {
    const svg = draw({
      query:
        'country=France&country=Spain&country=Italy&country.null&description.has=mug&nothing=1&.theme=dark',
    });
    expect(svg).toContain('Country: France, Spain and 2 more');
    expect(svg).toContain('Text has “mug”');
    expect(svg).not.toContain('Nothing');
  });
});
