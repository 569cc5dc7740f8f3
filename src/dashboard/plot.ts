import { binStart, type Grain, nextBin } from '../core/time-grain.ts';
import type { Chart } from '../definition/chart.ts';
import type { OfNothing, SeriesAnswer } from './answer.ts';
import { dateFormat, formatBin, isFine, isUtc, type Wording } from './format.ts';
import { axisScale } from './number-scale.ts';
import { valueTicks } from './value-axis.ts';
import { wallTimes } from './wall-times.ts';

/** Where things are in a chart, in pixels: for the drawing and for what people point at in it. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A bar and the space around it. */
const BAR_PX = 24;
const LABEL_CHAR_PX = 6.7;
const TICK_PX = 84;
/** More points than this cannot be told apart on any screen. */
const BINS_MAX = 5000;

/** Series over time. The left margin fits the longest label of the value axis, the right one the axis' zone. */
export function timePlot(chart: Chart, answer: SeriesAnswer, wording: Wording): Plot {
  const ticks = valueTicks(chart, answer);
  const labels = ticks.map(axisScale(ticks, chart.format, wording));
  const longest = Math.max(...labels.map((label) => label.length));
  return {
    left: Math.max(36, 14 + longest * LABEL_CHAR_PX),
    right: axisZone(answer, wording) === undefined ? 12 : 36,
    top: 12,
    bottom: 26,
  };
}

/** The zone of the bins where it is not the viewer's: days and longer, of instants, are of UTC. */
export function axisZone({ axis }: SeriesAnswer, { timeZone }: Wording): string | undefined {
  const isOther = axis.type === 'timestamptz' && !isFine(axis.grain ?? 'day') && !isUtc(timeZone);
  return isOther ? 'UTC' : undefined;
}

/** Bars by category: names to the left, values to the right. */
export function barPlot(names: readonly string[], width: number): Plot {
  const longest = Math.max(4, ...names.map((name) => name.length));
  const left = Math.min(longest * LABEL_CHAR_PX + 12, Math.max(72, width * 0.36));
  return { left, right: 68, top: 4, bottom: 4 };
}

/** The height of a chart of bars: room for all that may come, so that nothing jumps. */
export function barsHeight(count: number): number {
  return Math.max(1, count) * BAR_PX + 8;
}

/** The position of the bin or bar below a pixel along the axis; undefined outside. */
export function positionAt(
  pixel: number,
  start: number,
  length: number,
  count: number,
): number | undefined {
  const position = Math.floor(((pixel - start) / length) * count);
  return position >= 0 && position < count ? position : undefined;
}

/** All bins from the first to the last, so that a time without records is seen as one: as 0, or as a gap. */
export function fillBins(answer: SeriesAnswer): SeriesAnswer {
  const { grain } = answer.axis;
  const xs = answer.x as readonly number[];
  if (!grain) return answer;
  const all = binsOf(xs, grain);
  const fill = (values: readonly (number | null)[]) => filled({ xs, values, all }, answer);
  return {
    ...answer,
    x: all,
    series: answer.series.map((series) => ({ ...series, values: fill(series.values) })),
    ...(answer.ghost ? { ghost: fill(answer.ghost) } : {}),
  };
}

/** The bins from the first to the last of these. */
export function binsOf(xs: readonly number[], grain: Grain): readonly number[] {
  const [first, last] = [xs[0], xs.at(-1)];
  if (first === undefined || last === undefined) return xs;
  const all: number[] = [];
  for (let at = binStart(first, grain); at <= last; at = nextBin(at, grain)) {
    all.push(at);
    if (all.length > BINS_MAX) return xs;
  }
  return all;
}

/** The values at all bins, of those at some. */
export function filled(
  {
    xs,
    values,
    all,
  }: {
    readonly xs: readonly number[];
    readonly values: readonly (number | null)[];
    readonly all: readonly number[];
  },
  { ofNothing }: OfNothing,
): readonly (number | null)[] {
  const places = new Map(xs.map((x, index) => [x, index]));
  return all.map((x) => values[places.get(x) ?? -1] ?? ofNothing ?? null);
}

/** The places that get a label, by position; hours and minutes of instants are those of the viewer's zone. */
export function timeTicks(
  xs: readonly number[],
  { grain, isInstant }: { grain: Grain; isInstant: boolean },
  width: number,
  wording: Wording,
): ReadonlyMap<number, string> {
  const most = Math.max(2, Math.floor(width / TICK_PX));
  const isZoned = isInstant && isFine(grain);
  const walls = isZoned ? wallTimes(xs, wording.timeZone) : xs;
  for (const step of STEPS) {
    if (!step.grains.includes(grain)) continue;
    const at = walls.map((x, index) => ({ x, index })).filter(({ x }) => step.fits(new Date(x)));
    // One label does not tell how long anything is.
    if (at.length > most || at.length < Math.min(2, xs.length)) continue;
    const isNamed = at.some(({ x }) => step.names(new Date(x)));
    return new Map(
      at.map(({ x, index }, place) => [
        index,
        (place === 0 && !isNamed ? step.first : step.label)(x, wording),
      ]),
    );
  }
  const every = Math.ceil(xs.length / most);
  return new Map(
    xs.flatMap((x, index) =>
      index % every === 0 ? [[index, binLabel(x, { grain, isInstant }, wording)] as const] : [],
    ),
  );
}

function binLabel(
  x: number,
  { grain, isInstant }: { grain: Grain; isInstant: boolean },
  wording: Wording,
): string {
  if (grain === 'week' || grain === 'day') return day(x, wording);
  return formatBin(x, grain, isInstant && isFine(grain), wording);
}

interface Step {
  /** Bins that it can tell apart. */
  readonly grains: readonly Grain[];
  fits(date: Date): boolean;
  label(ms: number, wording: Wording): string;
  /** Whether its label says also of which day or year it and those after it are. */
  names(date: Date): boolean;
  /** The first label where none does. */
  first(ms: number, wording: Wording): string;
}

const midnight = (date: Date): boolean => date.getTime() % 86_400_000 === 0;
const january = (date: Date): boolean => date.getUTCMonth() === 0;
const monthly = (months: number) => (date: Date) =>
  midnight(date) && date.getUTCDate() === 1 && date.getUTCMonth() % months === 0;
const minutes = (count: number) => (date: Date) => date.getTime() % (count * 60_000) === 0;
/** The last before the first of a month stays away from it. */
const days = (count: number) => (date: Date) =>
  midnight(date) && (date.getUTCDate() - 1) % count === 0 && date.getUTCDate() <= 32 - count;

function labelled(options: Intl.DateTimeFormatOptions): Step['label'] {
  return (ms, { language }) => dateFormat(language, { ...options, timeZone: 'UTC' }).format(ms);
}
const day = labelled({ month: 'short', day: 'numeric' });
const time = labelled({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayAndTime = labelled({
  ...{ month: 'short', day: 'numeric' },
  ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
});
const year = labelled({ year: 'numeric' });
const monthOfYear = labelled({ year: 'numeric', month: 'short' });
const monthName = labelled({ month: 'short' });
const clock: Step['label'] = (ms, wording) =>
  midnight(new Date(ms)) ? day(ms, wording) : time(ms, wording);
const month: Step['label'] = (ms, wording) =>
  january(new Date(ms)) ? monthOfYear(ms, wording) : monthName(ms, wording);

const CLOCKED: readonly Grain[] = ['minute', 'hour'];
const DAILY: readonly Grain[] = [...CLOCKED, 'day'];
const MONTHLY: readonly Grain[] = [...DAILY, 'month', 'quarter', 'year'];

const YEARS = { grains: MONTHLY, label: year, names: () => true, first: year };

/** From fine to coarse; the first whose labels fit is taken. */
const STEPS: readonly Step[] = [
  ...[1, 5, 15, 30, 60, 180, 360, 720].map((count) => ({
    grains: CLOCKED,
    fits: minutes(count),
    label: clock,
    names: midnight,
    first: dayAndTime,
  })),
  ...[1, 2, 3, 5, 7, 14].map((count) => ({
    grains: DAILY,
    fits: days(count),
    label: day,
    names: () => true,
    first: day,
  })),
  // A year is told by its number alone where nothing is finer.
  { ...YEARS, grains: ['year'], fits: monthly(12) },
  ...[1, 3, 6].map((count) => ({
    grains: MONTHLY,
    fits: monthly(count),
    label: month,
    names: january,
    first: monthOfYear,
  })),
  { ...YEARS, fits: monthly(12) },
  ...[2, 5, 10].map((count) => ({
    ...YEARS,
    fits: (date: Date) => monthly(12)(date) && date.getUTCFullYear() % count === 0,
  })),
];
