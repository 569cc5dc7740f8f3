import type { Grain } from '../core/time-grain.ts';

/** How numbers and times are written on a dashboard. `language`: undefined for the viewer's own. */
export interface Wording {
  readonly language: string | undefined;
  /** The zone instants are shown in; times without a zone are shown as they are. */
  readonly timeZone: string;
}

const BYTES = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
const formatters = new Map<string, Intl.NumberFormat>();

function formatter(
  language: string | undefined,
  options: Intl.NumberFormatOptions,
): Intl.NumberFormat {
  const key = JSON.stringify([language, options]);
  const known = formatters.get(key);
  if (known) return known;
  const made = new Intl.NumberFormat(language, options);
  formatters.set(key, made);
  return made;
}

/** What there is no number for. */
export const NOTHING = '–';

/**
 * A number, or its exact text, in a format of the definition. Short is for axes, labels and large figures:
 * three or four digits that say how much it is.
 */
export function formatNumber(
  value: number | string | null,
  format: string | undefined,
  wording: Wording,
  length: 'exact' | 'short' | 'axis' = 'exact',
): string {
  const { language } = wording;
  if (value === null || value === 'NaN') return NOTHING;
  if (format === 'date' || format === 'datetime')
    return formatTime(String(value), format === 'date', wording);
  const size = Math.abs(Number(value));
  if (Number.isNaN(size)) return String(value);
  if (format === 'bytes') return bytes(Number(value), language);
  const options = numberOptions(format, size, length);
  // A decimal keeps the digits it was sent with, so that columns line up.
  const digits = typeof value === 'string' ? (value.split('.')[1]?.length ?? 0) : 0;
  if (format === undefined && length === 'exact' && !/e/i.test(String(value)))
    options.minimumFractionDigits = Math.min(digits, 20);
  // The exact text: Intl writes decimals of any length digit by digit.
  return formatter(language, options).format(value as unknown as number);
}

function numberOptions(
  format: string | undefined,
  size: number,
  length: 'exact' | 'short' | 'axis',
): Intl.NumberFormatOptions {
  const short = length !== 'exact';
  if (format === 'percent') return { style: 'percent', maximumFractionDigits: short ? 1 : 2 };
  const currency = format !== undefined && /^[A-Z]{3}$/.test(format);
  const money: Intl.NumberFormatOptions = currency
    ? { style: 'currency', currency: format, currencyDisplay: 'narrowSymbol' }
    : {};
  if (format === 'compact' || (short && size >= 10_000))
    return {
      ...money,
      notation: 'compact',
      maximumFractionDigits: size >= 1000 ? 2 : 1,
      minimumFractionDigits: 0,
    };
  if (format === 'integer') return { maximumFractionDigits: 0 };
  if (currency) {
    const isWhole = size >= 1000 || (length === 'axis' && Number.isInteger(size));
    return short && isWhole ? { ...money, maximumFractionDigits: 0 } : money;
  }
  return { maximumFractionDigits: short ? 2 : 20 };
}

function bytes(value: number, language: string | undefined): string {
  const size = Math.abs(value);
  const power =
    size < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log(size) / Math.log(1024)));
  const digits = power === 0 ? 0 : 1;
  return `${formatter(language, { maximumFractionDigits: digits }).format(value / 1024 ** power)} ${BYTES[power]}`;
}

/** The engine writes an instant with its zone, which is UTC in every child. */
function formatTime(text: string, dateOnly: boolean, wording: Wording): string {
  const isInstant = text.endsWith('+00');
  return isInstant && !dateOnly
    ? formatInstant(`${text.slice(0, -3).replace(' ', 'T')}Z`, wording)
    : formatTimeText(text, dateOnly);
}

/** A time as text, as it was written: `2011-03-01 08:26`. */
function formatTimeText(text: string, dateOnly: boolean): string {
  const [date = '', time] = text.replace('T', ' ').split(' ');
  if (dateOnly || time === undefined) return date;
  return `${date} ${time.replace(/:00(\.0+)?$/, '')}`;
}

/** A share such as `7.7 %`, of exact texts. */
export function formatShare(part: string, whole: string, { language }: Wording): string {
  const share = Number(part) / Number(whole);
  if (!Number.isFinite(share)) return NOTHING;
  return formatter(language, { style: 'percent', maximumFractionDigits: 1 }).format(share);
}

/** A change with its sign: `+4.2 %`; undefined where nothing can be said. */
export function formatChange(
  now: string | null,
  before: string | null,
  { language }: Wording,
): string | undefined {
  if (now === null || before === null || Number(before) === 0) return undefined;
  const change = (Number(now) - Number(before)) / Math.abs(Number(before));
  if (!Number.isFinite(change)) return undefined;
  return formatter(language, {
    style: 'percent',
    maximumFractionDigits: 1,
    signDisplay: 'exceptZero',
  }).format(change);
}

const BIN_FORMATS: { readonly [G in Grain]: Intl.DateTimeFormatOptions } = {
  minute: { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  hour: { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { year: 'numeric', month: 'short', day: 'numeric' },
  week: { year: 'numeric', month: 'short', day: 'numeric' },
  month: { year: 'numeric', month: 'short' },
  quarter: { year: 'numeric', month: 'short' },
  year: { year: 'numeric' },
};

/** A bin of time in full, for tooltips and tables. Days and longer are bins of UTC, and shown as such. */
export function formatBin(
  ms: number,
  grain: Grain,
  isInstant: boolean,
  { language, timeZone }: Wording,
): string {
  const isFine = grain === 'minute' || grain === 'hour';
  const zone = isInstant && isFine ? timeZone : 'UTC';
  const text = new Intl.DateTimeFormat(language, { ...BIN_FORMATS[grain], timeZone: zone }).format(
    ms,
  );
  return grain === 'week' ? `week of ${text}` : text;
}

/** A span from bin to bin: `Aug 16, 2025 – Jan 9, 2026`; `until` is not part of it. */
export function formatRange(
  range: { readonly from: string; readonly until: string },
  { language }: Wording,
): string {
  const [from, until] = [Date.parse(zoned(range.from)), Date.parse(zoned(range.until))];
  if (Number.isNaN(from) || Number.isNaN(until)) return `${range.from} – ${range.until}`;
  const isDays = from % 86_400_000 === 0 && until % 86_400_000 === 0;
  const format = new Intl.DateTimeFormat(language, {
    ...(isDays ? BIN_FORMATS.day : { ...BIN_FORMATS.minute, year: 'numeric' }),
    timeZone: 'UTC',
  });
  return format.formatRange(from, isDays ? until - 86_400_000 : until);
}

const zoned = (text: string): string =>
  text.includes('T') ? `${text.replace(/Z$/, '')}Z` : `${text}T00:00Z`;

/** A cell of a grid: times as they are or in the viewer's zone, numbers in the column's format. */
export function formatCell(
  value: unknown,
  type: string,
  format: string | undefined,
  wording: Wording,
): string {
  if (value === null || value === undefined) return '';
  if (type === 'timestamptz' && typeof value === 'string') return formatInstant(value, wording);
  if (type === 'timestamp' || type === 'date')
    return formatTimeText(String(value), type === 'date' || format === 'date');
  if (format === undefined && (type === 'double' || type === 'float') && typeof value === 'number')
    return formatter(wording.language, { maximumFractionDigits: DOUBLE_DIGITS }).format(value);
  if (NUMERIC.has(type) && (typeof value === 'number' || typeof value === 'string'))
    return formatNumber(value, format, wording);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** More of a double are mostly traces of its binary form. */
const DOUBLE_DIGITS = 6;

const NUMERIC: ReadonlySet<string> = new Set(['int', 'long', 'float', 'double', 'decimal']);
export const isNumeric = (type: string): boolean => NUMERIC.has(type);

function formatInstant(value: string, { language, timeZone }: Wording): string {
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) return value;
  return new Intl.DateTimeFormat(language, {
    year: 'numeric',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZone,
  }).format(ms);
}

/** `invoice_date` → `Invoice date`. */
export function columnLabel(name: string): string {
  const words = name.replace(/^_/, '').replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
