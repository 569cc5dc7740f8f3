import type { BarSeriesOption, EChartsOption } from 'echarts';
import type { Chart } from '../definition/chart.ts';
import type { SeriesAnswer } from './answer.ts';
import type { Look } from './chart-option.ts';
import { barScale } from './number-scale.ts';
import { barPlot } from './plot.ts';
import { FONT, seriesColor } from './theme.ts';

/** The name of a category on the page; NULL has one, too. */
export function categoryName(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '(none)';
  // One line: a break within a name would put its second half over the next bar.
  return String(value).replace(/\s+/g, ' ').trim() || '(empty)';
}

/** Bars by category, largest first, with their names and values. */
export function barOption(chart: Chart, answer: SeriesAnswer, look: Look): EChartsOption {
  const { theme, size } = look;
  const names = answer.x.map(categoryName);
  const plot = barPlot(names, size.width);
  const labels = labelsOf(chart, answer, look);
  const faint = answer.x.map((value) => isFaint(value, look));
  const text = { fontFamily: FONT, fontSize: 12 };
  return {
    animation: false,
    grid: { ...plot, outerBoundsMode: 'none' },
    xAxis: {
      type: 'value',
      show: false,
      ...valueRange(answer, size.width - plot.left - plot.right),
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: names.map((name, index) => ({
        value: name,
        textStyle: { color: faint[index] ? theme.textMuted : theme.text },
      })),
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: {
        ...text,
        width: plot.left - 10,
        overflow: 'truncate',
        ellipsis: '…',
        interval: 0,
      },
    },
    series: [
      ...answer.series.map((series, index) => bars(chart, { ...series, index }, faint, look)),
      totals(answer, { faint, labels }, look),
    ],
  };
}

function isFaint(value: string | number | null, { chosen }: Look): boolean {
  const values = chosen.x?.in;
  return values !== undefined && !values.includes(value === null ? null : String(value));
}

/** The value before a bar to the left of zero; to the right the plot leaves room. */
const LABEL_PX = 64;

/** The axis reaches from the lowest to the highest bar, zero among them. */
function valueRange(answer: SeriesAnswer, width: number): { min: number; max: number } {
  const sums = totalsOf(answer).map((value) => value ?? 0);
  const [low, high] = [Math.min(0, ...sums), Math.max(0, ...sums)];
  if (low === high) return { min: 0, max: 1 };
  if (low === 0) return { min: 0, max: high };
  const share = Math.min(0.5, LABEL_PX / width);
  return { min: (low - share * high) / (1 - share), max: high };
}

function totalsOf({ x, series }: SeriesAnswer): (number | null)[] {
  return x.map((_, at) => {
    const values = series.map(({ values: all }) => all[at] ?? null).filter((v) => v !== null);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  });
}

type Part = SeriesAnswer['series'][number] & { readonly index: number };

function bars(
  chart: Chart,
  { values, index, isOther, name }: Part,
  faint: readonly boolean[],
  { theme, chosen }: Look,
): BarSeriesOption {
  const color = seriesColor(theme, index, isOther === true);
  const others = chosen.color?.in;
  const isOut = others !== undefined && (isOther === true || !others.includes(name ?? null));
  return {
    type: 'bar',
    id: String(index),
    silent: true,
    animation: false,
    emphasis: { disabled: true },
    stack: 'all',
    barCategoryGap: '30%',
    data: values.map((value, at) => ({
      value,
      itemStyle: {
        color,
        opacity: faint[at] || isOut ? 0.28 : 1,
        borderRadius: chart.color === undefined ? 2 : 0,
      },
    })),
  };
}

/** The values at the bars, all in one unit. */
function labelsOf(chart: Chart, answer: SeriesAnswer, { wording }: Look): (string | undefined)[] {
  const sums = totalsOf(answer);
  const write = barScale(
    sums.filter((sum) => sum !== null),
    chart.format,
    wording,
  );
  return sums.map((sum) => (sum === null ? undefined : write(sum)));
}

interface Labels {
  readonly faint: readonly boolean[];
  /** Undefined where there is no value. */
  readonly labels: readonly (string | undefined)[];
}

/** The value at the end of each bar; a bar of its own without length, so that stacks have one, too. */
function totals(answer: SeriesAnswer, { faint, labels }: Labels, { theme }: Look): BarSeriesOption {
  const sums = totalsOf(answer);
  return {
    type: 'bar',
    id: 'totals',
    silent: true,
    animation: false,
    stack: 'all',
    itemStyle: { color: 'transparent' },
    data: labels.map((label, at) => ({
      value: label === undefined ? null : 0,
      label: {
        show: label !== undefined,
        position: (sums[at] ?? 0) < 0 ? ('left' as const) : ('right' as const),
        distance: 6,
        fontFamily: FONT,
        fontSize: 12,
        color: faint[at] ? theme.textMuted : theme.text,
        formatter: label ?? '',
      },
    })),
  };
}
