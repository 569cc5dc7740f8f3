/** Bins of time. All arithmetic is in UTC on epoch milliseconds; weeks begin on Monday, as in ISO 8601. */
export const GRAINS = ['minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
export type Grain = (typeof GRAINS)[number];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** 1970-01-05, the first Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;
const MONTHS = { month: 1, quarter: 3, year: 12 } as const;
const FIXED_MS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS } as const;

/** The start of the bin that holds the instant. */
export function binStart(ms: number, grain: Grain): number {
  if (grain === 'week')
    return Math.floor((ms - FIRST_MONDAY_MS) / WEEK_MS) * WEEK_MS + FIRST_MONDAY_MS;
  if (grain === 'minute' || grain === 'hour' || grain === 'day')
    return Math.floor(ms / FIXED_MS[grain]) * FIXED_MS[grain];
  return monthStart(ms, MONTHS[grain], 0);
}

/** The start of the bin after the one that holds the instant. */
export function nextBin(ms: number, grain: Grain): number {
  if (grain === 'week') return binStart(ms, grain) + WEEK_MS;
  if (grain === 'minute' || grain === 'hour' || grain === 'day')
    return binStart(ms, grain) + FIXED_MS[grain];
  return monthStart(ms, MONTHS[grain], 1);
}

function monthStart(ms: number, months: number, ahead: number): number {
  const date = new Date(ms);
  const month = date.getUTCFullYear() * 12 + date.getUTCMonth();
  const start = (Math.floor(month / months) + ahead) * months;
  return new Date(0).setUTCFullYear(Math.floor(start / 12), start % 12, 1);
}

/** Bins that fill a span with a few hundred points at most. */
export function grainForSpan(spanMs: number): Grain {
  if (spanMs <= 3 * HOUR_MS) return 'minute';
  if (spanMs <= 4 * DAY_MS) return 'hour';
  if (spanMs <= 1000 * DAY_MS) return 'day';
  return 'month';
}

/** Some thirty bins, for a line without axes. */
export function sparkGrain(spanMs: number): Grain {
  if (spanMs <= HOUR_MS) return 'minute';
  if (spanMs <= 2 * DAY_MS) return 'hour';
  if (spanMs <= 60 * DAY_MS) return 'day';
  return spanMs <= 500 * DAY_MS ? 'week' : 'month';
}

const SERVES: { readonly [G in Grain]: readonly Grain[] } = {
  minute: GRAINS,
  hour: ['hour', 'day', 'week', 'month', 'quarter', 'year'],
  day: ['day', 'week', 'month', 'quarter', 'year'],
  week: ['week'],
  month: ['month', 'quarter', 'year'],
  quarter: ['quarter', 'year'],
  year: ['year'],
};

/** Whether bins of `have` can be put together to bins of `want`. */
export function grainServes(have: Grain, want: Grain): boolean {
  return SERVES[have].includes(want);
}

const TIME = /^(\d{4,5})(-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?Z?$/;

/**
 * `2011-03-01T08:26:00`, with a `Z`, or a bare date: epoch milliseconds read as UTC; NaN for anything else.
 * A span that ends with the last day of 9999 ends in the year 10000.
 */
export function parseTime(text: string): number {
  const [, year = '', date, time = '00:00'] = TIME.exec(text) ?? [];
  if (date === undefined) return Number.NaN;
  return Date.parse(`${year.length === 4 ? year : `+0${year}`}${date}T${time}Z`);
}

/** ISO 8601 without zone, read as UTC by `parseTime`; midnight is a bare date. */
export function timeText(ms: number): string {
  const text = new Date(ms).toISOString().replace(/^\+0/, '');
  return text.replace(/T00:00:00\.000Z$|\.000Z$|Z$/, '');
}

/** `from..until`; undefined where one is no time. */
export function parseTimeRange(text: string): { from: string; until: string } | undefined {
  const [from = '', until = '', more] = text.split('..');
  const areTimes = !Number.isNaN(parseTime(from)) && !Number.isNaN(parseTime(until));
  return areTimes && more === undefined ? { from, until } : undefined;
}

/** The coarsest of minute, hour and day whose bins begin at the instant; undefined between minutes. */
export function alignedGrain(text: string): 'minute' | 'hour' | 'day' | undefined {
  const ms = parseTime(text);
  const fraction = /\.\d*[1-9]/.test(text);
  if (Number.isNaN(ms) || fraction) return undefined;
  return (['day', 'hour', 'minute'] as const).find((grain) => ms % FIXED_MS[grain] === 0);
}
