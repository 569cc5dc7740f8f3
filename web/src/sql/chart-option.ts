import type { EChartsOption } from 'echarts';
import { seriesColor, type Theme } from '../../../src/dashboard/theme.ts';
import type { ResultTable } from './result-table.ts';
import { cellText, isTime, utcMs } from './result-values.ts';

/** More bars or points say no more on a screen. */
export const POINTS_MAX = 1000;
export const SERIES_MAX = 8;

/** Columns by their places. */
export interface ChosenColumns {
  readonly kind: 'bar' | 'line';
  readonly x: number;
  readonly y: number;
  /** Each of its values is drawn by itself. */
  readonly by?: number | undefined;
}

/** Rows that are drawn together. */
export interface Series {
  readonly name: string;
  readonly rows: readonly number[];
}

/** In the order their first rows come. */
export function seriesOf({ columns, rowCount }: ResultTable, { by }: ChosenColumns): Series[] {
  const rows = Array.from({ length: Math.min(rowCount, POINTS_MAX) }, (_, row) => row);
  if (by === undefined) return [{ name: '', rows }];
  // What is NULL is another one than the text.
  const found = new Map<string | null, number[]>();
  for (const row of rows) {
    const value = columns[by]?.value(row) ?? null;
    const name = value === null ? null : cellText(value);
    const one = found.get(name);
    if (one) one.push(row);
    else found.set(name, [row]);
  }
  return [...found].map(([name, rows]) => ({ name: name ?? 'NULL', rows }));
}

/** Rows that a chart over time leaves out. */
export const withoutTime = (result: ResultTable, chosen: ChosenColumns): number =>
  isOverTime(result, chosen)
    ? seriesOf(result, { ...chosen, by: undefined })
        .flatMap(({ rows }) => rows)
        .filter((row) => timeAt(result, chosen, row) === undefined).length
    : 0;

const isOverTime = ({ columns }: ResultTable, { kind, x }: ChosenColumns): boolean =>
  kind === 'line' && isTime(columns[x]?.type ?? '');

const timeAt = ({ columns }: ResultTable, { x }: ChosenColumns, row: number): number | undefined =>
  utcMs(cellText(columns[x]?.value(row) ?? ''));

/** Lines over a time stand where it is; all else side by side, in the order of the rows. */
export function chartOption(
  result: ResultTable,
  chosen: ChosenColumns,
  series: readonly Series[],
  theme: Theme,
): EChartsOption {
  const { kind, x, y } = chosen;
  const labelOf = (row: number) => cellText(result.columns[x]?.value(row) ?? 'NULL');
  const numberAt = (row: number) => {
    const value = result.columns[y]?.value(row) ?? null;
    return value === null ? null : Number(value);
  };
  const axisLabel = { color: theme.textMuted, hideOverlap: true };
  const drawn = isOverTime(result, chosen)
    ? overTime(series, (row) => [timeAt(result, chosen, row), numberAt(row)])
    : overLabels(series, labelOf, numberAt);
  return {
    animation: false,
    useUTC: true,
    grid: { left: 72, right: 16, top: 16, bottom: 40 },
    xAxis: { ...drawn.axis, axisLabel: { ...axisLabel, ...drawn.labels } },
    yAxis: { type: 'value', splitLine: { lineStyle: { color: theme.border } }, axisLabel },
    series: drawn.data.map((data, index) => ({
      type: kind,
      data,
      itemStyle: { color: seriesColor(theme, index, false) },
      showSymbol: hasLonely(data),
    })),
  } as EChartsOption;
}

type Point = number | null | readonly [ms: number | undefined, value: number | null];

/** Whether a point has none beside it that a line could lead to. */
function hasLonely(data: readonly Point[]): boolean {
  const values = data.map((point) => (Array.isArray(point) ? point[1] : point));
  const isThere = (index: number) => (values[index] ?? null) !== null;
  return values.some((_, index) => isThere(index) && !isThere(index - 1) && !isThere(index + 1));
}

/** By how far two of them are apart. */
const TIME_LABELS = {
  year: '{yyyy}-{MM}-{dd}',
  month: '{yyyy}-{MM}-{dd}',
  day: '{yyyy}-{MM}-{dd}',
  hour: '{HH}:{mm}',
  minute: '{HH}:{mm}',
  second: '{HH}:{mm}:{ss}',
  millisecond: '{HH}:{mm}:{ss}.{SSS}',
};

function overTime(
  series: readonly Series[],
  pointAt: (row: number) => [ms: number | undefined, value: number | null],
) {
  const data = series.map(({ rows }) =>
    rows
      .map(pointAt)
      .filter(([ms]) => ms !== undefined)
      .sort(([one = 0], [other = 0]) => one - other),
  );
  return { axis: { type: 'time' }, labels: { formatter: TIME_LABELS }, data };
}

/** Rows of one label in one series stand side by side, as nothing says how they would be put together. */
function overLabels(
  series: readonly Series[],
  labelOf: (row: number) => string,
  numberAt: (row: number) => number | null,
) {
  const places = new Map<string, number>();
  const placed = series.map(({ rows }) => {
    const counts = new Map<string, number>();
    return rows.map((row) => {
      const label = labelOf(row);
      const count = counts.get(label) ?? 0;
      counts.set(label, count + 1);
      return { row, label, place: `${label}\0${count}` };
    });
  });
  const inOrder = placed.flat().sort((one, other) => one.row - other.row);
  const labels: string[] = [];
  for (const { place, label } of inOrder) {
    if (places.has(place)) continue;
    places.set(place, labels.length);
    labels.push(label);
  }
  const data = placed.map((rows) => {
    const values: (number | null)[] = labels.map(() => null);
    for (const { row, place } of rows) values[places.get(place) as number] = numberAt(row);
    return values;
  });
  return { axis: { type: 'category', data: labels }, labels: {}, data };
}
