import { type DataType, type Field, Type, tableFromIPC } from '@uwdata/flechette';

/** A result as the page holds it: columns of bytes, of which a value is made when it is shown. */
export interface ResultTable {
  readonly columns: readonly ResultColumn[];
  readonly rowCount: number;
}

export interface ResultColumn {
  readonly name: string;
  /** SQL's. */
  readonly type: string;
  /** As the JSON of a result has it: long and decimal as text, times ISO 8601. */
  value(row: number): unknown;
  /** What orders it; null where there is no value. */
  sortKey(row: number): SortKey | null;
}

export type SortKey = number | bigint | string;

/** Of an Arrow stream. */
export function resultTable(bytes: ArrayBuffer): ResultTable {
  const table = tableFromIPC(bytes, {
    useBigInt: true,
    useBigIntTimestamp: true,
    useDecimalInt: true,
  });
  const columns = table.schema.fields.map((field, index): ResultColumn => {
    const values = table.getChildAt(index);
    const { type } = field;
    return {
      name: field.name,
      type: sqlType(field),
      value: (row) => plain(values.at(row), type),
      sortKey: (row) => sortKey(values.at(row), type, sqlType(field)),
    };
  });
  return { columns, rowCount: table.numRows };
}

const sqlType = ({ metadata }: Field): string => metadata?.get('sql_type') ?? '';

/** Whole numbers that Arrow has no type for come as texts. */
const WIDE = /^(U?HUGEINT|BIGNUM)$/;

function sortKey(value: unknown, type: DataType, sql: string): SortKey | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' && WIDE.test(sql)) return BigInt(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string')
    return value;
  if (typeof value === 'boolean') return Number(value);
  const text = plain(value, type);
  return typeof text === 'string' ? text : JSON.stringify(text);
}

function plain(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  switch (type.typeId) {
    case Type.Int:
      return typeof value === 'bigint' ? String(value) : value;
    case Type.Float:
      return Number.isFinite(value) ? value : String(value);
    case Type.Decimal:
      return decimalText(value as bigint, type.scale);
    case Type.Date:
      return dayText(value as number);
    case Type.Time:
      return clockText(value as bigint);
    case Type.Timestamp:
      return instantText(value as bigint, type.unit, type.timezone ? 'Z' : '');
    case Type.Binary:
      return base64(value as Uint8Array);
    case Type.List: {
      const [item] = type.children;
      return Array.from(value as Iterable<unknown>, (one) => plain(one, item.type));
    }
    case Type.Map: {
      const [key, item] = (type.children[0].type as { children: readonly Field[] }).children;
      return Object.fromEntries(
        Array.from(value as Iterable<[unknown, unknown]>, ([name, one]) => [
          keyText(plain(name, (key as Field).type)),
          plain(one, (item as Field).type),
        ]),
      );
    }
    case Type.Struct:
      return Object.fromEntries(
        type.children.map(({ name, type: part }) => [
          name,
          plain((value as { [name: string]: unknown })[name], part),
        ]),
      );
    default:
      return value;
  }
}

/** `-1234`, two digits behind the point: `-12.34`. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const keyText = (key: unknown): string =>
  typeof key === 'object' ? JSON.stringify(key) : String(key);

const DAY_MS = 86_400_000;
/** The engine's days and moments without end are the last ones of their types. */
const [LAST_DAY, LAST_MOMENT] = [2_147_483_647, 9_223_372_036_854_775_807n];

function dayText(ms: number): string {
  const day = ms / DAY_MS;
  if (Math.abs(day) === LAST_DAY) return day < 0 ? '-infinity' : 'infinity';
  return calendar(ms, (iso) => iso.slice(0, -14)) ?? String(day);
}

/** Digits behind the seconds, as Arrow counts units: of seconds, milliseconds, microseconds and nanoseconds. */
const DIGITS = [0, 3, 6, 9];

/** `2026-06-01T00:30:00.000001`, without what is zero behind the seconds. */
function instantText(value: bigint, unit: number, zone: string): string {
  if (value === LAST_MOMENT) return 'infinity';
  if (value === -LAST_MOMENT) return '-infinity';
  const digits = DIGITS[unit] ?? 6;
  const perSecond = 10n ** BigInt(digits);
  const seconds = (value - (((value % perSecond) + perSecond) % perSecond)) / perSecond;
  const rest = fraction(value - seconds * perSecond, digits);
  const text = calendar(Number(seconds) * 1000, (iso) => `${iso.slice(0, -5)}${rest}${zone}`);
  return text ?? String(value);
}

/** A day of the calendar as the engine writes it; undefined beyond what JavaScript knows. */
function calendar(ms: number, cut: (iso: string) => string): string | undefined {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return undefined;
  const [, year = '', rest = ''] = /^([+-]?\d+)(-.*)$/.exec(date.toISOString()) ?? [];
  const isBefore = Number(year) <= 0;
  const shown = String(isBefore ? 1 - Number(year) : Number(year)).padStart(4, '0');
  return `${cut(`${shown}${rest}`)}${isBefore ? ' (BC)' : ''}`;
}

function clockText(us: bigint): string {
  const part = (by: bigint) => String(by).padStart(2, '0');
  const seconds = us / 1_000_000n;
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map(part).join(':');
  return `${clock}${fraction(us % 1_000_000n, 6)}`;
}

function fraction(rest: bigint, digits: number): string {
  return rest === 0n ? '' : `.${String(rest).padStart(digits, '0').replace(/0+$/, '')}`;
}

const base64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
