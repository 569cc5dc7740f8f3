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
  readonly by?: number;
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
  const found = new Map<string, number[]>();
  for (const row of rows) {
    const name = cellText(columns[by]?.value(row) ?? 'NULL');
    const one = found.get(name);
    if (one) one.push(row);
    else found.set(name, [row]);
  }
  return [...found].map(([name, rows]) => ({ name, rows }));
}

/** Lines over a time stand where it is; all else side by side, in the order of the rows. */
export function chartOption(
  result: ResultTable,
  chosen: ChosenColumns,
  series: readonly Series[],
  theme: Theme,
): EChartsOption {
  const { kind, x, y } = chosen;
  const isOverTime = kind === 'line' && isTime(result.columns[x]?.type ?? '');
  const labelOf = (row: number) => cellText(result.columns[x]?.value(row) ?? 'NULL');
  const numberAt = (row: number | undefined) => {
    const value = row === undefined ? null : (result.columns[y]?.value(row) ?? null);
    return value === null ? null : Number(value);
  };
  const axisLabel = { color: theme.textMuted, hideOverlap: true };
  const drawn = isOverTime
    ? overTime(series, (row) => [utcMs(labelOf(row)), numberAt(row)])
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
      showSymbol: series.every(({ rows }) => rows.length === 1),
    })),
  } as EChartsOption;
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

function overLabels(
  series: readonly Series[],
  labelOf: (row: number) => string,
  numberAt: (row: number | undefined) => number | null,
) {
  const [only] = series;
  // Rows that are alike stay apart where nothing else tells them apart.
  if (series.length === 1 && only)
    return {
      axis: { type: 'category', data: only.rows.map(labelOf) },
      labels: {},
      data: [only.rows.map(numberAt)],
    };
  const labels = [
    ...new Set(
      series
        .flatMap(({ rows }) => rows)
        .sort((a, b) => a - b)
        .map(labelOf),
    ),
  ];
  const data = series.map(({ rows }) => {
    const byLabel = new Map(rows.map((row) => [labelOf(row), row]));
    return labels.map((label) => numberAt(byLabel.get(label)));
  });
  return { axis: { type: 'category', data: labels }, labels: {}, data };
}
