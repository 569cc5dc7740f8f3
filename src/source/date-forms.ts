/** Dates as files write them, and as records want them. */

export type DateOrder = 'YMD' | 'MDY' | 'DMY';

const FORM =
  /^(\d{1,4})[/.-](\d{1,2})[/.-](\d{1,4})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,6})?)?\s*([AaPp][Mm])?)?$/;
const ISO = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?(?:Z|[+-]\d\d:?\d\d)?$/;

/** Which orders of day and month a text allows; undefined where it is not of this kind. */
export function possibleOrders(text: string): readonly DateOrder[] | undefined {
  const match = FORM.exec(text.trim());
  if (ISO.test(text.trim()) || !match) return undefined;
  const [first, second] = [Number(match[1]), Number(match[2])];
  if ((match[1] as string).length === 4) return ['YMD'];
  const orders: DateOrder[] = [];
  if (first <= 12 && second <= 31) orders.push('MDY');
  if (second <= 12 && first <= 31) orders.push('DMY');
  return orders;
}

/** The text as `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS`; undefined where it is not of the order's form. */
export function normalDate(text: string, order: DateOrder): string | undefined {
  const match = FORM.exec(text.trim());
  if (!match) return undefined;
  const [, a = '', b = '', c = '', hours, minutes, seconds, fraction, half] = match;
  const [year, month, day] = order === 'YMD' ? [a, b, c] : order === 'MDY' ? [c, a, b] : [c, b, a];
  const date = `${fullYear(year)}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  if (hours === undefined) return date;
  return `${date}T${hour24(Number(hours), half).padStart(2, '0')}:${minutes}:${seconds ?? '00'}${fraction ?? ''}`;
}

/** Two digits as spreadsheets read them: 00 to 69 are of this century. */
function fullYear(year: string): string {
  if (year.length !== 2) return year.padStart(4, '0');
  return Number(year) < 70 ? `20${year}` : `19${year}`;
}

function hour24(hour: number, half: string | undefined): string {
  if (half === undefined) return String(hour);
  const base = hour % 12;
  return String(half.toLowerCase() === 'pm' ? base + 12 : base);
}
