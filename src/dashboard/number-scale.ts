import { BYTES, currencyOptions, formatNumber, numberFormat, type Wording } from './format.ts';

/** Writes the numbers of one chart in one unit with as many digits each, so that their lengths compare. */
export type NumberScale = (value: number) => string;

interface Unit {
  /** What one of it is. */
  readonly size: number;
  /** Digits after the point that people are used to; undefined where there is no custom. */
  readonly digits?: number;
  write(value: number, digits: number): string;
}

const COMPACT_FROM = 10_000;
const DIGITS_MAX = 12;

/** The values at bars: the greatest has three or four digits, and the others end where it does. */
export function barScale(
  values: readonly number[],
  format: string | undefined,
  wording: Wording,
): NumberScale {
  const greatest = Math.max(0, ...values.map(Math.abs));
  const unit = unitOf(greatest, format, wording);
  if (!unit) return (value) => formatNumber(value, format, wording, 'short');
  const isWhole = values.every((value) => isNearInteger(value / unit.size));
  const digits = format === 'integer' && unit.size === 1 ? 0 : barDigits(greatest, unit, isWhole);
  return (value) => {
    // What would be written as nothing is not nothing.
    const isLost = value !== 0 && Math.abs(value / unit.size) < 0.5 * 10 ** -digits;
    if (isLost) return formatNumber(value, format, wording, 'short');
    return value === 0 ? zero(format, wording) : unit.write(value, digits);
  };
}

/** The labels of an axis: no more digits than tell its steps apart. */
export function axisScale(
  ticks: readonly number[],
  format: string | undefined,
  wording: Wording,
): NumberScale {
  const unit = unitOf(Math.max(0, ...ticks.map(Math.abs)), format, wording);
  if (!unit) return (value) => formatNumber(value, format, wording, 'axis');
  let needed = 0;
  const isEnough = () =>
    ticks.every((tick) => isNearInteger((tick / unit.size) * 10 ** needed, 1e-6));
  while (needed < DIGITS_MAX && !isEnough()) needed += 1;
  const digits = needed === 0 ? 0 : Math.max(needed, unit.digits ?? 0);
  return (value) => (value === 0 ? zero(format, wording) : unit.write(value, digits));
}

function barDigits(greatest: number, { size, digits }: Unit, isWhole: boolean): number {
  const shown = greatest / size;
  if (digits !== undefined) return isWhole || shown >= 1000 ? 0 : digits;
  if (isWhole && size <= 1) return 0;
  const power = shown > 0 ? Math.floor(Math.log10(shown)) : 0;
  if (power < 0) return Math.min(DIGITS_MAX, 2 - power);
  return Math.min(size < 1 ? 1 : 2, Math.max(0, 3 - power));
}

/** Undefined for what is no number. */
function unitOf(greatest: number, format: string | undefined, wording: Wording): Unit | undefined {
  const { language } = wording;
  if (format === 'date' || format === 'datetime' || !Number.isFinite(greatest)) return undefined;
  if (format === 'bytes') return byteUnit(greatest, language);
  if (format === 'percent') return { size: 0.01, write: fixed(language, { style: 'percent' }) };
  const money = currencyOptions(format);
  const isCompact = greatest >= (format === 'compact' ? 1000 : COMPACT_FROM);
  const size = isCompact ? compactSize(greatest, language) : 1;
  if (size > 1) return { size, write: compact({ greatest, size }, money, language) };
  const digits = numberFormat(language, money).resolvedOptions().maximumFractionDigits ?? 0;
  return { size, ...(money.currency ? { digits } : {}), write: fixed(language, money) };
}

function byteUnit(greatest: number, language: string | undefined): Unit {
  const power = greatest < 1 ? 0 : Math.floor(Math.log(greatest) / Math.log(1024));
  const place = Math.min(BYTES.length - 1, power);
  const size = 1024 ** place;
  const write = fixed(language, {});
  return {
    size,
    write: (value, digits) =>
      `${write(value / size, place === 0 ? 0 : Math.min(1, digits))} ${BYTES[place]}`,
  };
}

const fixed =
  (language: string | undefined, options: Intl.NumberFormatOptions): Unit['write'] =>
  (value, digits) =>
    numberFormat(language, {
      ...options,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(value);

/** What the language's own short form counts in: thousands, or ten thousands; 1 where it has none for so few. */
function compactSize(greatest: number, language: string | undefined): number {
  const parts = numberFormat(language, {
    notation: 'compact',
    numberingSystem: 'latn',
    useGrouping: false,
  }).formatToParts(greatest);
  const digitsOf = (type: string) => parts.find((part) => part.type === type)?.value ?? '0';
  const shown = Number(`${digitsOf('integer')}.${digitsOf('fraction')}`);
  return 10 ** Math.round(Math.log10(greatest / shown));
}

const NUMBER_PARTS: ReadonlySet<string> = new Set(['integer', 'group', 'decimal', 'fraction']);

/** Intl chooses a unit for each number; the greatest one's form is kept, and the digits in it replaced. */
function compact(
  { greatest, size }: { readonly greatest: number; readonly size: number },
  money: Intl.NumberFormatOptions,
  language: string | undefined,
): Unit['write'] {
  const form = numberFormat(language, { ...money, notation: 'compact' });
  const write = fixed(language, {});
  return (value, digits) => {
    const parts = form.formatToParts(value < 0 ? -greatest : greatest);
    const first = parts.findIndex(({ type }) => NUMBER_PARTS.has(type));
    return parts
      .map(({ type, value: text }, index) => {
        if (index === first) return write(Math.abs(value) / size, digits);
        return NUMBER_PARTS.has(type) ? '' : text;
      })
      .join('');
  };
}

function zero(format: string | undefined, wording: Wording): string {
  return format === 'bytes' || format === 'percent'
    ? formatNumber(0, format, wording, 'axis')
    : fixed(wording.language, currencyOptions(format))(0, 0);
}

const isNearInteger = (value: number, tolerance = 1e-9): boolean =>
  Math.abs(value - Math.round(value)) <= tolerance * Math.max(1, Math.abs(value));
