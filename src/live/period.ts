import { durationMs } from '../core/duration.ts';
import { nextBin, parseTime, parseTimeRange, timeText } from '../core/time-grain.ts';
import type { TimeRange } from './constraint.ts';

const TWO_DAYS_MS = 2 * 86_400_000;
/** Nothing is before. */
const FIRST_MS = Date.parse('0001-01-01T00:00Z');

/**
 * A chosen period as a range. A span ends with the bin that holds the newest value: whole days from two
 * days on, whole minutes below, so that a link means the same all day and aggregates can be kept.
 */
export function periodRange(
  period: string,
  newestMs: number | undefined,
): { from: string; until: string } | undefined {
  const range = parseTimeRange(period);
  if (range) return range;
  const length = durationMs(period);
  if (length === undefined || newestMs === undefined) return undefined;
  const end = nextBin(newestMs, length >= TWO_DAYS_MS ? 'day' : 'minute');
  return { from: timeText(Math.max(end - length, FIRST_MS)), until: timeText(end) };
}

/** The two spans a KPI compares: up to `end`, itself included, and the same length before. */
export function compareRanges(
  end: string,
  lengthMs: number,
): { current: TimeRange; previous: TimeRange } {
  const endMs = parseTime(end);
  // Below the millisecond the end's own digits are kept: a record at …,123456 is the newest there is.
  const digits = /\.\d{3}(\d+)/.exec(end)?.[1] ?? '';
  const back = (ms: number) => {
    const at = Math.max(ms, FIRST_MS);
    return digits === '' ? timeText(at) : `${new Date(at).toISOString().replace('Z', '')}${digits}`;
  };
  const [from, middle] = [back(endMs - 2 * lengthMs), back(endMs - lengthMs)];
  return {
    current: { from: middle, until: end, closed: 'end' },
    previous: { from, until: middle, closed: 'end' },
  };
}

/** The period of the same length before. */
export function periodBefore(range: { from: string; until: string }): TimeRange {
  const [from, until] = [parseTime(range.from), parseTime(range.until)];
  return { from: timeText(Math.max(from - (until - from), FIRST_MS)), until: range.from };
}
