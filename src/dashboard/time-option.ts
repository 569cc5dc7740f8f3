import type { BarSeriesOption, EChartsOption, LineSeriesOption } from 'echarts';
import { parseTime } from '../core/time-grain.ts';
import type { Chart } from '../definition/chart.ts';
import type { Series, SeriesAnswer } from './answer.ts';
import type { Look } from './chart-option.ts';
import { formatNumber } from './format.ts';
import { timePlot, timeTicks } from './plot.ts';
import { FONT, seriesColor } from './theme.ts';

type Values = readonly (number | null)[];
type Drawn = LineSeriesOption | BarSeriesOption;

/** Lines, areas and columns over bins of time. The answer's bins are filled (plot.ts). */
export function timeOption(chart: Chart, answer: SeriesAnswer, look: Look): EChartsOption {
  const { theme, wording } = look;
  const plot = timePlot(answer, chart.format, wording);
  const xs = answer.x as readonly number[];
  const isInstant = answer.axis.type === 'timestamptz';
  const width = look.size.width - plot.left - plot.right;
  const ticks = timeTicks(xs, { grain: answer.axis.grain ?? 'day', isInstant }, width, wording);
  const text = { color: theme.textMuted, fontFamily: FONT, fontSize: 12 };
  return {
    animation: false,
    grid: { ...plot, outerBoundsMode: 'none' },
    xAxis: {
      type: 'category',
      data: xs.map(String),
      boundaryGap: true,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: theme.border } },
      axisLabel: {
        ...text,
        margin: 10,
        interval: (index: number) => ticks.has(index),
        formatter: (_: string, index: number) => ticks.get(index) ?? '',
        showMinLabel: null as unknown as boolean,
      },
    },
    yAxis: {
      type: 'value',
      splitNumber: 4,
      axisLabel: {
        ...text,
        formatter: (value: number) => formatNumber(value, chart.format, wording, 'axis'),
      },
      splitLine: { lineStyle: { color: theme.border, opacity: 0.6 } },
    },
    series: [...ghost(answer, look), ...allSeries(chart, answer, look)],
  };
}

function ghost({ ghost: values }: SeriesAnswer, { theme }: Look): LineSeriesOption[] {
  if (!values) return [];
  return [
    {
      ...quiet('line'),
      id: 'ghost',
      data: [...values],
      showSymbol: false,
      lineStyle: { width: 1, color: theme.textMuted, opacity: 0.35 },
    },
  ];
}

function allSeries(chart: Chart, answer: SeriesAnswer, look: Look): Drawn[] {
  const inside = insideOf(answer, look);
  return answer.series.flatMap((series, index): Drawn[] => {
    const color = seriesColor(look.theme, index, series.isOther === true);
    const strength = isFaint(series, look) ? 0.2 : 1;
    const pieces: { id: string; values: Values; opacity: number }[] = inside
      ? [
          {
            id: `${index} outside`,
            values: series.values.map((v, at) => (inside(at) ? null : v)),
            opacity: 0.25,
          },
          {
            id: `${index}`,
            values: series.values.map((v, at) => (inside(at) ? v : null)),
            opacity: 1,
          },
        ]
      : [{ id: `${index}`, values: series.values, opacity: 1 }];
    return pieces.map(({ id, values, opacity }) =>
      drawn(chart, { id, values, color, opacity: opacity * strength }, answer.series.length),
    );
  });
}

/** Whether a bin is within the range chosen on this chart; undefined where none is. */
function insideOf(answer: SeriesAnswer, { chosen }: Look): ((at: number) => boolean) | undefined {
  const range = chosen.x?.range;
  if (!range) return undefined;
  const [from, until] = [parseTime(range.from), parseTime(range.until)];
  return (at) => {
    const x = answer.x[at] as number;
    return x >= from && x < until;
  };
}

function isFaint(series: Series, { chosen }: Look): boolean {
  const values = chosen.color?.in;
  return values !== undefined && (series.isOther === true || !values.includes(series.name ?? null));
}

interface Piece {
  readonly id: string;
  readonly values: Values;
  readonly color: string;
  readonly opacity: number;
}

function drawn({ kind }: Chart, { id, values, color, opacity }: Piece, count: number): Drawn {
  const data = [...values];
  if (kind === 'bar' || kind === 'stacked')
    return {
      ...quiet('bar'),
      id,
      data,
      ...(kind === 'stacked' || id.endsWith('outside') || count === 1 ? { stack: 'all' } : {}),
      barCategoryGap: '20%',
      itemStyle: { color, opacity },
    };
  const isArea = kind === 'area';
  const isAlone = count === 1;
  return {
    ...quiet('line'),
    id,
    data,
    ...(isArea ? { stack: id.endsWith('outside') ? 'outside' : 'all' } : {}),
    lineStyle: { width: isArea ? 1 : 1.6, color, opacity },
    itemStyle: { color, opacity },
    areaStyle: { color, opacity: isArea ? 0.55 * opacity : isAlone ? 0.1 * opacity : 0 },
    // A point without neighbours has no line to be seen by.
    showSymbol: true,
    symbol: 'circle',
    symbolSize: (_: unknown, { dataIndex }: { dataIndex: number }) =>
      (values[dataIndex - 1] ?? null) === null && (values[dataIndex + 1] ?? null) === null ? 4 : 0,
  };
}

/** People point at the page's own layer above the drawing, which a keyboard and a reader reach, too. */
function quiet<T extends 'line' | 'bar'>(type: T) {
  return { type, silent: true, animation: false, emphasis: { disabled: true } };
}
