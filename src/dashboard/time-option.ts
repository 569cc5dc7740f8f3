import type { BarSeriesOption, EChartsOption, LineSeriesOption } from 'echarts';
import { parseTime } from '../core/time-grain.ts';
import type { Chart } from '../definition/chart.ts';
import type { Series, SeriesAnswer } from './answer.ts';
import type { Look } from './chart-option.ts';
import { axisScale } from './number-scale.ts';
import { axisZone, timePlot, timeTicks } from './plot.ts';
import { FONT, seriesColor } from './theme.ts';
import { valueTicks } from './value-axis.ts';

type Values = readonly (number | null)[];
type Drawn = LineSeriesOption | BarSeriesOption;

/** Lines, areas and columns over bins of time. The answer's bins are filled (plot.ts). */
export function timeOption(chart: Chart, answer: SeriesAnswer, look: Look): EChartsOption {
  const { theme, wording } = look;
  const plot = timePlot(chart, answer, wording);
  const xs = answer.x as readonly number[];
  const isInstant = answer.axis.type === 'timestamptz';
  const width = look.size.width - plot.left - plot.right;
  const ticks = timeTicks(xs, { grain: answer.axis.grain ?? 'day', isInstant }, width, wording);
  const values = valueTicks(chart, answer);
  const zone = axisZone(answer, wording);
  const text = { color: theme.textMuted, fontFamily: FONT, fontSize: 12 };
  return {
    animation: false,
    grid: { ...plot, outerBoundsMode: 'none' },
    xAxis: {
      type: 'category',
      data: xs.map(String),
      boundaryGap: true,
      ...(zone === undefined
        ? {}
        : { name: zone, nameLocation: 'end' as const, nameGap: 6, nameTextStyle: text }),
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
      min: values[0] as number,
      max: values.at(-1) as number,
      interval: (values[1] as number) - (values[0] as number),
      axisLabel: { ...text, formatter: axisScale(values, chart.format, wording) },
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
    return piecesOf(chart, series.values, inside).map(({ values, isOutside }) =>
      drawn(
        chart,
        {
          index,
          isOutside,
          values,
          color,
          opacity: strength * (isOutside ? 0.25 : 1),
        },
        answer.series.length,
      ),
    );
  });
}

type Drawable = Pick<Piece, 'values' | 'isOutside'>;

function piecesOf(
  { kind }: Chart,
  values: Values,
  inside: ((at: number) => boolean) | undefined,
): Drawable[] {
  if (!inside) return [{ values, isOutside: false }];
  const isBars = kind === 'bar' || kind === 'stacked';
  // A line goes on to the first point inside, or there would be a gap where the two meet.
  const touches = (at: number) =>
    (at > 0 && !inside(at - 1)) || (at < values.length - 1 && !inside(at + 1));
  const isOut = (at: number) => !inside(at) || (!isBars && touches(at));
  return [
    { values: values.map((value, at) => (isOut(at) ? value : null)), isOutside: true },
    { values: values.map((value, at) => (inside(at) ? value : null)), isOutside: false },
  ];
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
  readonly index: number;
  /** Not of the range chosen. */
  readonly isOutside: boolean;
  readonly values: Values;
  readonly color: string;
  readonly opacity: number;
}

function drawn({ kind }: Chart, piece: Piece, count: number): Drawn {
  const { index, isOutside, values, color, opacity } = piece;
  const id = isOutside ? `${index} outside` : `${index}`;
  if (kind === 'bar' || kind === 'stacked')
    return {
      ...quiet('bar'),
      id,
      data: [...values],
      // Both pieces of a series stand in one place.
      stack: kind === 'stacked' ? 'all' : `${index}`,
      barCategoryGap: '20%',
      itemStyle: { color, opacity },
    };
  const isArea = kind === 'area';
  const fill = isArea ? 0.55 : count === 1 ? 0.1 : 0;
  return {
    ...quiet('line'),
    id,
    ...pointsOf(values),
    // Areas add up, whatever their sign: the upper edge is the total. Columns stand on both sides of zero.
    ...(isArea ? { stack: isOutside ? 'outside' : 'all', stackStrategy: 'all' as const } : {}),
    lineStyle: { width: isArea ? 1 : 1.6, color, opacity },
    itemStyle: { color, opacity },
    ...(fill > 0 ? { areaStyle: { color, opacity: fill * opacity } } : {}),
  };
}

/** A point without neighbours has no line to be seen by, so it gets a dot; no other has one, not even of no size. */
function pointsOf(values: Values) {
  const isAlone = (at: number) =>
    values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
  const dot = { symbol: 'circle', symbolSize: 7 };
  return {
    data: values.map((value, at) => (isAlone(at) ? { value, ...dot } : value)),
    showSymbol: values.some((_, at) => isAlone(at)),
    symbol: 'none',
  };
}

/** People point at the page's own layer above the drawing, which a keyboard and a reader reach, too. */
function quiet<T extends 'line' | 'bar'>(type: T) {
  return { type, silent: true, animation: false, emphasis: { disabled: true } };
}
