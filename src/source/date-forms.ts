/** Dates as files write them, and as records want them. */

export type DateOrder = 'YMD' | 'MDY' | 'DMY';

const TIME = String.raw`(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,6})?)?\s*([AaPp][Mm])?)?`;
/** The year in front, in four digits: that says its order itself. */
const YEAR_FIRST = new RegExp(String.raw`^(\d{4})([/.-])(\d{1,2})\2(\d{1,2})${TIME}$`);
/** The year in front, in two digits: only where the user says so. */
const SHORT_YEAR_FIRST = new RegExp(String.raw`^(\d{2})([/.-])(\d{1,2})\2(\d{1,2})${TIME}$`);
const YEAR_LAST = new RegExp(String.raw`^(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})${TIME}$`);
const ISO = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?(?:Z|[+-]\d\d:?\d\d)?$/;

/** What a text says about the order of day and month: one of the two, or that it may be either. */
export function orderEvidence(text: string): 'MDY' | 'DMY' | 'either' | undefined {
  const match = YEAR_LAST.exec(text);
  if (!match) return undefined;
  const [first, second] = [Number(match[1]), Number(match[3])];
  const isMonthFirst = isMonth(first) && isDay(second);
  const isDayFirst = isDay(first) && isMonth(second);
  if (isMonthFirst && isDayFirst) return 'either';
  return isMonthFirst ? 'MDY' : isDayFirst ? 'DMY' : undefined;
}

const isMonth = (value: number): boolean => value >= 1 && value <= 12;
const isDay = (value: number): boolean => value >= 1 && value <= 31;

/**
 * The text as `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS`; undefined where it is so already, is no date, or is
 * none in this order. Without an order only texts are read that say theirs themselves.
 */
export function normalDate(text: string, order: DateOrder | undefined): string | undefined {
  if (ISO.test(text)) return undefined;
  const yearFirst = YEAR_FIRST.exec(text) ?? (order === 'YMD' ? SHORT_YEAR_FIRST.exec(text) : null);
  if (yearFirst) {
    const [, year = '', , month = '', day = '', ...time] = yearFirst;
    return dateText({ year, month, day }, time);
  }
  const match = order === undefined || order === 'YMD' ? null : YEAR_LAST.exec(text);
  if (!match) return undefined;
  const [, a = '', , b = '', year = '', ...time] = match;
  const [month, day] = order === 'MDY' ? [a, b] : [b, a];
  return dateText({ year, month, day }, time);
}

interface DateParts {
  readonly year: string;
  readonly month: string;
  readonly day: string;
}

function dateText(
  { year, month, day }: DateParts,
  [hours, minutes, seconds, fraction, half]: readonly (string | undefined)[],
): string | undefined {
  if (!isMonth(Number(month)) || !isDay(Number(day))) return undefined;
  const date = `${fullYear(year)}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  if (hours === undefined) return date;
  const hour = hour24(Number(hours), half);
  if (hour === undefined) return undefined;
  return `${date}T${hour.padStart(2, '0')}:${minutes}:${seconds ?? '00'}${fraction ?? ''}`;
}

/** Two digits as spreadsheets read them: 00 to 69 are of this century. */
function fullYear(year: string): string {
  if (year.length === 4) return year;
  return Number(year) < 70 ? `20${year}` : `19${year}`;
}

function hour24(hour: number, half: string | undefined): string | undefined {
  if (half === undefined) return String(hour);
  if (hour > 12) return undefined;
  const base = hour % 12;
  return String(half.toLowerCase() === 'pm' ? base + 12 : base);
}
