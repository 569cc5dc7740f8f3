import { binStart, nextBin, parseTime, timeText } from '../core/time-grain.ts';
import type { TimeRange } from './constraint.ts';

/** What a span between any two moments is cut by, the coarsest first. */
export const SPAN_GRAINS = ['day', 'hour', 'minute'] as const;
export type SpanGrain = (typeof SPAN_GRAINS)[number];

/** A range whose ends are where bins begin. */
export interface BinRange {
  readonly from: string;
  /** Absent: all that comes after. */
  readonly until?: string;
}

export interface CutSpan {
  /** The bins that are in the span as a whole; absent where there is none. */
  readonly whole?: BinRange;
  /** The bins that the span begins or ends in. */
  readonly edges: readonly Required<BinRange>[];
}

/**
 * Cuts a span (from < time ≤ until, or all after `from`) at the bins of a grain. `home`: only the part of it in there.
 * The parts have each moment of the span once; those in the edges are for the span itself to tell.
 */
export function cutSpan(
  { from, until }: TimeRange,
  grain: SpanGrain,
  home?: Required<BinRange>,
): CutSpan {
  const [first, last] = [parseTime(from), until === undefined ? Infinity : parseTime(until)];
  const [homeStart, homeEnd] = home
    ? [parseTime(home.from), parseTime(home.until)]
    : [-Infinity, Infinity];
  const start = Math.max(nextBin(first, grain), homeStart);
  const end = Math.min(last === Infinity ? last : binStart(last, grain), homeEnd);
  const cut = [...new Set([first, last].filter(Number.isFinite).map((ms) => binStart(ms, grain)))];
  const edges = cut
    .filter((ms) => ms >= homeStart && ms < homeEnd)
    .map((ms) => ({ from: timeText(ms), until: timeText(nextBin(ms, grain)) }));
  if (start >= end) return { edges };
  const whole = { from: timeText(start), ...(end === Infinity ? {} : { until: timeText(end) }) };
  return { whole, edges };
}

/** The same span of dates, by the days it has. */
export function spanOfDates({ from, until }: TimeRange): BinRange {
  const dayAfter = (text: string) => timeText(nextBin(parseTime(text), 'day'));
  return { from: dayAfter(from), ...(until === undefined ? {} : { until: dayAfter(until) }) };
}
