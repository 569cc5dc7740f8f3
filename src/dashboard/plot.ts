import { binStart, type Grain, nextBin } from '../core/time-grain.ts';
import type { SeriesAnswer } from './answer.ts';
import { dateFormat, formatBin, formatNumber, type Wording } from './format.ts';

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

/** Series over time. The left margin fits the longest label of the value axis. */
export function timePlot(answer: SeriesAnswer, format: string | undefined, wording: Wording): Plot {
  const most = greatest(answer);
  // The axis ends at a round number above: 1,000 for 858.
  const labels = [most, most > 0 ? 10 ** Math.ceil(Math.log10(most)) : 0].map((value) =>
    formatNumber(hasNegative(answer) ? -value : value, format, wording, 'axis'),
  );
  const longest = Math.max(...labels.map(({ length }) => length));
  return { left: Math.max(36, 14 + longest * LABEL_CHAR_PX), right: 12, top: 12, bottom: 26 };
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

function hasNegative({ series, ghost = [] }: SeriesAnswer): boolean {
  return [...series.map((one) => one.values), ghost].some((values) =>
    values.some((value) => (value ?? 0) < 0),
  );
}

export function greatest({ series, ghost = [] }: SeriesAnswer): number {
  let most = 0;
  for (const values of [...series.map((one) => one.values), ghost])
    for (const value of values) most = Math.max(most, Math.abs(value ?? 0));
  return most;
}

/** All bins from the first to the last, so that a time without records is seen as one. */
export function fillBins(answer: SeriesAnswer): SeriesAnswer {
  const { grain } = answer.axis;
  const xs = answer.x as readonly number[];
  const [first, last] = [xs[0], xs.at(-1)];
  if (!grain || first === undefined || last === undefined) return answer;
  const all: number[] = [];
  for (let at = binStart(first, grain); at <= last; at = nextBin(at, grain)) {
    all.push(at);
    if (all.length > BINS_MAX) return answer;
  }
  const places = new Map(xs.map((x, index) => [x, index]));
  const fill = (values: readonly (number | null)[]) =>
    all.map((x) => values[places.get(x) ?? -1] ?? null);
  return {
    ...answer,
    x: all,
    series: answer.series.map((series) => ({ ...series, values: fill(series.values) })),
    ...(answer.ghost ? { ghost: fill(answer.ghost) } : {}),
  };
}

/** The places that get a label, by position. */
export function timeTicks(
  xs: readonly number[],
  { grain, isInstant }: { grain: Grain; isInstant: boolean },
  width: number,
  wording: Wording,
): ReadonlyMap<number, string> {
  const most = Math.max(2, Math.floor(width / TICK_PX));
  for (const step of STEPS) {
    if (!step.grains.includes(grain)) continue;
    const at = xs.map((x, index) => ({ x, index })).filter(({ x }) => step.fits(new Date(x)));
    if (at.length <= most && at.length > 0)
      return new Map(at.map(({ x, index }) => [index, step.label(x, wording)]));
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
  return grain === 'week' ? day(x, wording) : formatBin(x, grain, isInstant, wording);
}

interface Step {
  /** Bins that it can tell apart. */
  readonly grains: readonly Grain[];
  fits(date: Date): boolean;
  label(ms: number, wording: Wording): string;
}

const midnight = (date: Date): boolean => date.getTime() % 86_400_000 === 0;
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
const clock: Step['label'] = (ms, wording) =>
  midnight(new Date(ms)) ? day(ms, wording) : time(ms, wording);
const month: Step['label'] = (ms, wording) =>
  new Date(ms).getUTCMonth() === 0
    ? labelled({ year: 'numeric' })(ms, wording)
    : labelled({ month: 'short' })(ms, wording);

const CLOCKED: readonly Grain[] = ['minute', 'hour'];
const DAILY: readonly Grain[] = [...CLOCKED, 'day'];
const MONTHLY: readonly Grain[] = [...DAILY, 'month', 'quarter', 'year'];

/** From fine to coarse; the first whose labels fit is taken. */
const STEPS: readonly Step[] = [
  ...[1, 5, 15, 30, 60, 180, 360, 720].map((count) => ({
    grains: CLOCKED,
    fits: minutes(count),
    label: clock,
  })),
  ...[1, 2, 3, 5, 7, 14].map((count) => ({ grains: DAILY, fits: days(count), label: day })),
  ...[1, 3, 6, 12].map((count) => ({ grains: MONTHLY, fits: monthly(count), label: month })),
  ...[2, 5, 10].map((years) => ({
    grains: MONTHLY,
    fits: (date: Date) => monthly(12)(date) && date.getUTCFullYear() % years === 0,
    label: month,
  })),
];
