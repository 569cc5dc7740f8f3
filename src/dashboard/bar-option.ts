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
  const ends = endsOf(answer);
  const low = Math.min(0, ...ends.map((end) => end.low));
  const high = Math.max(0, ...ends.map((end) => end.high));
  if (low === high) return { min: 0, max: 1 };
  if (low === 0) return { min: 0, max: high };
  const share = Math.min(0.5, LABEL_PX / width);
  return { min: (low - share * high) / (1 - share), max: high };
}

function partsOf({ x, series }: SeriesAnswer): number[][] {
  return x.map((_, at) =>
    series.map(({ values }) => values[at] ?? null).filter((value) => value !== null),
  );
}

/** The whole of each bar; null where no part has a number. */
export function totalsOf(answer: SeriesAnswer): (number | null)[] {
  return partsOf(answer).map((parts) => (parts.length === 0 ? null : addUp(parts)));
}

/** Where each bar ends: parts below zero are on top of each other to the left of it. */
function endsOf(answer: SeriesAnswer): { low: number; high: number }[] {
  return partsOf(answer).map((parts) => ({
    low: addUp(parts.filter((value) => value < 0)),
    high: addUp(parts.filter((value) => value > 0)),
  }));
}

/** With the digits that the parts have: 0.1 + 0.2 would be 0.30000000000000004. */
function addUp(parts: readonly number[]): number {
  const texts = parts.map(String);
  const sum = parts.reduce((total, value) => total + value, 0);
  if (texts.some((text) => text.includes('e'))) return sum;
  const digits = Math.max(0, ...texts.map((text) => text.split('.')[1]?.length ?? 0));
  // Nothing is not less than nothing: −0 would be written so.
  return Number(sum.toFixed(digits)) + 0;
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
    barGap: '-100%',
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

/** The value at the end of each bar: of a bar that is not seen, over all its parts. */
function totals(answer: SeriesAnswer, { faint, labels }: Labels, { theme }: Look): BarSeriesOption {
  const sums = totalsOf(answer);
  const ends = endsOf(answer);
  return {
    type: 'bar',
    id: 'totals',
    silent: true,
    animation: false,
    barGap: '-100%',
    itemStyle: { color: 'transparent' },
    data: labels.map((label, at) => ({
      value:
        label === undefined
          ? null
          : (((sums[at] ?? 0) < 0 ? ends[at]?.low : ends[at]?.high) ?? null),
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
