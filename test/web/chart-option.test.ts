import { expect, test } from 'vitest';
import { THEMES } from '../../src/dashboard/theme.ts';
import {
  type ChosenColumns,
  chartOption,
  seriesOf,
  withoutTime,
} from '../../web/src/sql/chart-option.ts';
import { parametersIn } from '../../web/src/sql/parameters.ts';
import type { ResultTable } from '../../web/src/sql/result-table.ts';

const table = (types: readonly string[], rows: readonly unknown[][]): ResultTable => ({
  columns: types.map((type, index) => ({
    name: `c${index}`,
    type,
    value: (row: number) => rows[row]?.[index] ?? null,
    sortKey: () => null,
  })),
  rowCount: rows.length,
});

interface Drawn {
  readonly xAxis: { readonly type: string; readonly data?: readonly string[] };
  readonly series: readonly { readonly data: unknown[]; readonly showSymbol: boolean }[];
}

const drawn = (result: ResultTable, chosen: ChosenColumns) =>
  chartOption(result, chosen, seriesOf(result, chosen), THEMES.light) as unknown as Drawn;

test('each value of the column that splits is drawn by itself, and what is NULL apart from the text', () => {
  const result = table(
    ['VARCHAR', 'VARCHAR', 'INTEGER'],
    [
      ['a', 'x', 1],
      ['b', null, 2],
      ['a', 'NULL', 3],
      ['b', 'x', 4],
    ],
  );
  const chosen = { kind: 'bar', x: 0, y: 2, by: 1 } as const;
  expect(seriesOf(result, chosen).map(({ name }) => name)).toEqual(['x', 'NULL', 'NULL']);
  const { xAxis, series } = drawn(result, chosen);
  expect(xAxis).toMatchObject({ type: 'category', data: ['a', 'b'] });
  expect(series.map(({ data }) => data)).toEqual([
    [1, 4],
    [null, 2],
    [3, null],
  ]);
});

test('rows that nothing tells apart stand side by side; none is left out', () => {
  const rows = [
    ['FR', 'web', 10],
    ['FR', 'web', 20],
    ['FR', 'shop', 5],
    ['DE', 'web', 7],
  ];
  const result = table(['VARCHAR', 'VARCHAR', 'INTEGER'], rows);
  const split = drawn(result, { kind: 'bar', x: 0, y: 2, by: 1 });
  expect(split.xAxis.data).toEqual(['FR', 'FR', 'DE']);
  expect(split.series.map(({ data }) => data)).toEqual([
    [10, 20, 7],
    [5, null, null],
  ]);
  const whole = drawn(result, { kind: 'bar', x: 0, y: 2 });
  expect(whole.xAxis.data).toEqual(['FR', 'FR', 'FR', 'DE']);
  expect(whole.series[0]?.data).toEqual([10, 20, 5, 7]);
});

test('points that no line leads to are shown as such', () => {
  const rows = ['a', 'b', 'c', 'd'].map((label, index) => [label, index % 2 ? 't' : 's', index]);
  const result = table(['VARCHAR', 'VARCHAR', 'INTEGER'], rows);
  const chosen = { kind: 'line', x: 0, y: 2, by: 1 } as const;
  expect(drawn(result, chosen).series.map(({ showSymbol }) => showSymbol)).toEqual([true, true]);
  expect(drawn(result, { ...chosen, by: undefined }).series[0]?.showSymbol).toBe(false);
});

test('a line over time is in the order of the time; rows without one are counted', () => {
  const result = table(
    ['TIMESTAMP', 'DOUBLE'],
    [
      ['2026-01-02T00:00:00', 2],
      ['2026-01-01T00:00:00', 1],
      [null, 3],
      ['infinity', 4],
    ],
  );
  const chosen = { kind: 'line', x: 0, y: 1 } as const;
  const { xAxis, series } = drawn(result, chosen);
  expect(xAxis.type).toBe('time');
  const [first, second] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 2)];
  expect(series[0]?.data).toEqual([
    [first, 1],
    [second, 2],
  ]);
  expect(withoutTime(result, chosen)).toBe(2);
  expect(withoutTime(result, { ...chosen, kind: 'bar' })).toBe(0);
  const lists = table(['TIMESTAMP[]', 'DOUBLE'], [[['2026-01-01T00:00:00'], 1]]);
  expect(drawn(lists, chosen).xAxis.type, 'a list is no time').toBe('category');
});

test.each([
  ['select $country, $1, $Country', ['country', '1']],
  ["select '$no', $yes, $$ $no $$, $tag$ $no $tag$ -- $no\n/* $no */", ['yes']],
  ['select "$no", $größe, é$no', ['größe']],
  ['select 1', []],
])('the parameters of %s', (sql, names) => {
  expect(parametersIn(sql)).toEqual(names);
});
