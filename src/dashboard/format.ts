import { type Grain, parseTime } from '../core/time-grain.ts';

/** How numbers and times are written on a dashboard. `language`: undefined for the viewer's own. */
export interface Wording {
  readonly language: string | undefined;
  /** The zone instants are shown in; times without a zone are shown as they are. */
  readonly timeZone: string;
}

export const BYTES = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
const numberFormats = new Map<string, Intl.NumberFormat>();
const dateFormats = new Map<string, Intl.DateTimeFormat>();

export function numberFormat(
  language: string | undefined,
  options: Intl.NumberFormatOptions,
): Intl.NumberFormat {
  return kept(numberFormats, [language, options], () => new Intl.NumberFormat(language, options));
}

export function dateFormat(
  language: string | undefined,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  return kept(dateFormats, [language, options], () => new Intl.DateTimeFormat(language, options));
}

/** To make one takes a hundred times as long as to use it. */
function kept<F>(formats: Map<string, F>, key: unknown, make: () => F): F {
  const text = JSON.stringify(key);
  const known = formats.get(text);
  if (known) return known;
  const made = make();
  formats.set(text, made);
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
  return numberFormat(language, options).format(value as unknown as number);
}

function numberOptions(
  format: string | undefined,
  size: number,
  length: 'exact' | 'short' | 'axis',
): Intl.NumberFormatOptions {
  const short = length !== 'exact';
  if (format === 'percent') return { style: 'percent', maximumFractionDigits: short ? 1 : 2 };
  const money = currencyOptions(format);
  if (format === 'compact' || (short && size >= 10_000))
    return {
      ...money,
      notation: 'compact',
      maximumFractionDigits: size >= 1000 ? 2 : 1,
      minimumFractionDigits: 0,
    };
  if (format === 'integer') return { maximumFractionDigits: 0 };
  if (money.currency) {
    const isWhole = size >= 1000 || (length === 'axis' && Number.isInteger(size));
    return short && isWhole ? { ...money, maximumFractionDigits: 0 } : money;
  }
  return { maximumFractionDigits: short ? 2 : 20 };
}

/** How an amount of money is written; nothing where the format is of none. */
export function currencyOptions(format: string | undefined): Intl.NumberFormatOptions {
  return format !== undefined && /^[A-Z]{3}$/.test(format)
    ? { style: 'currency', currency: format, currencyDisplay: 'narrowSymbol' }
    : {};
}

function bytes(value: number, language: string | undefined): string {
  const size = Math.abs(value);
  const power =
    size < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log(size) / Math.log(1024)));
  const digits = power === 0 ? 0 : 1;
  return `${numberFormat(language, { maximumFractionDigits: digits }).format(value / 1024 ** power)} ${BYTES[power]}`;
}

/** The engine writes an instant with its zone, which is UTC in every child. */
function formatTime(text: string, dateOnly: boolean, wording: Wording): string {
  const isInstant = text.endsWith('+00');
  return formatMoment(isInstant ? text.slice(0, -3) : text, { isInstant, dateOnly }, wording);
}

const DATE: Intl.DateTimeFormatOptions = { year: 'numeric', month: 'short', day: '2-digit' };
const CLOCK: Intl.DateTimeFormatOptions = {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
};

/**
 * A time that is written as text, as the viewer writes times: an instant, of UTC, in the viewer's zone; what has no
 * zone as it was sent. A bare date has no time of day, and is of no zone.
 */
export function formatMoment(
  text: string,
  { isInstant, dateOnly = false }: { readonly isInstant: boolean; readonly dateOnly?: boolean },
  { language, timeZone }: Wording,
): string {
  const iso = text.replace(' ', 'T');
  const ms = parseTime(iso);
  if (Number.isNaN(ms)) return text;
  const hasClock = !dateOnly && iso.includes('T');
  const zone = isInstant && iso.includes('T') ? timeZone : 'UTC';
  return dateFormat(language, { ...DATE, ...(hasClock ? CLOCK : {}), timeZone: zone }).format(ms);
}

/** A share such as `7.7 %`, of exact texts. */
export function formatShare(part: string, whole: string, { language }: Wording): string {
  const share = Number(part) / Number(whole);
  if (!Number.isFinite(share)) return NOTHING;
  return numberFormat(language, { style: 'percent', maximumFractionDigits: 1 }).format(share);
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
  return numberFormat(language, {
    style: 'percent',
    maximumFractionDigits: 1,
    signDisplay: 'exceptZero',
  }).format(change);
}

/** The change of a share, in points of a hundred: `-12.4 points`; undefined where one is missing. */
export function formatPoints(
  now: string | null,
  before: string | null,
  { language }: Wording,
): string | undefined {
  if (now === null || before === null) return undefined;
  const points = (Number(now) - Number(before)) * 100;
  if (!Number.isFinite(points)) return undefined;
  const text = numberFormat(language, {
    maximumFractionDigits: 1,
    signDisplay: 'exceptZero',
  }).format(points);
  return `${text} points`;
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

/** A bin of time in full, for tooltips and tables. Of instants, days and longer are bins of UTC, and said to be. */
export function formatBin(ms: number, grain: Grain, isInstant: boolean, wording: Wording): string {
  const { language, timeZone } = wording;
  const zone = isInstant && isFine(grain) ? timeZone : 'UTC';
  const text = dateFormat(language, { ...BIN_FORMATS[grain], timeZone: zone }).format(ms);
  const named = isInstant && !isFine(grain) ? ofUtc(text, wording) : text;
  return grain === 'week' ? `week of ${named}` : named;
}

/** Whether bins are so short that they are the same in every zone. */
export const isFine = (grain: Grain): boolean => grain === 'minute' || grain === 'hour';

/** Zones whose days are those of UTC: there it need not be said. */
export const isUtc = (timeZone: string): boolean =>
  /^(etc\/)?(utc|uct|gmt|zulu|universal|greenwich)$/i.test(timeZone);

/** Days of UTC are others than the viewer's. */
const ofUtc = (text: string, { timeZone }: Wording): string =>
  isUtc(timeZone) ? text : `${text} UTC`;

/** A span from bin to bin: `Aug 16, 2025 – Jan 9, 2026`; `until` is not part of it. */
export function formatRange(
  range: { readonly from: string; readonly until: string },
  wording: Wording,
  isInstant: boolean,
): string {
  const [from, until] = [parseTime(range.from), parseTime(range.until)];
  if (Number.isNaN(from) || Number.isNaN(until)) return `${range.from} – ${range.until}`;
  const isDays = from % DAY_MS === 0 && until % DAY_MS === 0;
  const { language, timeZone } = wording;
  const format = dateFormat(language, {
    ...(isDays ? BIN_FORMATS.day : { ...BIN_FORMATS.minute, year: 'numeric' }),
    timeZone: isInstant && !isDays ? timeZone : 'UTC',
  });
  // A range of nothing, or that ends before it begins, is one somebody wrote into the address.
  const text = format.formatRange(from, isDays ? Math.max(from, until - DAY_MS) : until);
  return isInstant && isDays ? ofUtc(text, wording) : text;
}

const DAY_MS = 86_400_000;

/** A cell of a grid: times as they are or in the viewer's zone, numbers in the column's format. */
export function formatCell(
  value: unknown,
  type: string,
  format: string | undefined,
  wording: Wording,
): string {
  if (value === null || value === undefined) return '';
  if (type === 'timestamp' || type === 'date' || type === 'timestamptz') {
    const isInstant = type === 'timestamptz';
    const dateOnly = type === 'date' || format === 'date';
    return formatMoment(String(value).replace(/Z$/, ''), { isInstant, dateOnly }, wording);
  }
  if (format === undefined && (type === 'double' || type === 'float') && typeof value === 'number')
    return numberFormat(wording.language, { maximumFractionDigits: DOUBLE_DIGITS }).format(value);
  if (NUMERIC.has(type) && (typeof value === 'number' || typeof value === 'string'))
    return formatNumber(value, format, wording);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** More of a double are mostly traces of its binary form. */
const DOUBLE_DIGITS = 6;

const NUMERIC: ReadonlySet<string> = new Set(['int', 'long', 'float', 'double', 'decimal']);
export const isNumeric = (type: string): boolean => NUMERIC.has(type);

/** `invoice_date` → `Invoice date`. */
export function columnLabel(name: string): string {
  const words = name.replace(/^_/, '').replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
