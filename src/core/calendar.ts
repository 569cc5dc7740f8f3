/** Dates and times as producers write them. Only forms that every engine reads the same are taken. */
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/;
const OFFSET = /(?:Z|[+-]\d\d(?::?\d\d)?)$/;

export function isDate(text: string): boolean {
  const match = DATE.exec(text);
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** `YYYY-MM-DDTHH:MM[:SS[.ffffff]]`, `T` or a space between. */
export function isTimestamp(text: string): boolean {
  if (text[10] !== 'T' && text[10] !== ' ') return false;
  return isDate(text.slice(0, 10)) && isTime(text.slice(11));
}

function isTime(text: string): boolean {
  const match = TIME.exec(text);
  return (
    match !== null && Number(match[1]) < 24 && Number(match[2]) < 60 && Number(match[3] ?? 0) < 60
  );
}

/** `2010-12-01 08:26` → `2010-12-01T08:26:00`: one text for one time, in the order of time. */
export function timestampText(text: string): string {
  const [clock = '', fraction = ''] = text.slice(11).split('.');
  const seconds = clock.length === 5 ? `${clock}:00` : clock;
  const kept = fraction.replace(/0+$/, '');
  return `${text.slice(0, 10)}T${seconds}${kept === '' ? '' : `.${kept}`}`;
}

export function offsetOf(text: string): string | undefined {
  return text.length > 11 ? OFFSET.exec(text.slice(11))?.[0] : undefined;
}

export function isInstant(text: string): boolean {
  const offset = offsetOf(text);
  if (offset === undefined || !isTimestamp(text.slice(0, -offset.length))) return false;
  const [hours, minutes] =
    offset === 'Z'
      ? [0, 0]
      : [Number(offset.slice(1, 3)), Number(offset.slice(3).replace(':', '') || 0)];
  return hours <= 15 && minutes < 60 && isStorable(parseInstant(text));
}

const MICROS = 1_000_000n;

/** Microseconds since 1970 of an instant as the validator takes it. */
export function parseInstant(text: string): bigint {
  const match =
    /^(.{10})[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d)(?::?(\d\d))?$/.exec(text);
  if (!match) return 0n;
  const [, date, clock, seconds = '00', fraction = '', hours = 'Z', minutes = '00'] = match;
  const base = BigInt(Date.parse(`${date}T${clock}:${seconds}Z`) / 1000);
  const offset = hours === 'Z' ? 0 : Number(hours.slice(1)) * 3600 + Number(minutes) * 60;
  return (
    (base - BigInt(hours.startsWith('-') ? -offset : offset)) * MICROS +
    BigInt(fraction.padEnd(6, '0'))
  );
}

/** The instant in UTC, without a fraction of zero. */
export function instantText(micros: bigint): string {
  const seconds = micros >= 0n ? micros / MICROS : -((-micros + MICROS - 1n) / MICROS);
  const fraction = String(micros - seconds * MICROS)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${text}${fraction === '' ? '' : `.${fraction}`}Z`;
}

const FIRST_MICROS = BigInt(Date.parse('0001-01-01T00:00:00Z')) * 1000n;
const LAST_MICROS = BigInt(Date.parse('9999-12-31T23:59:59Z')) * 1000n + 999_999n;

/** Whether the instant lies in the years 1 to 9999 of UTC: readers of a table know no others. */
export function isStorable(micros: bigint): boolean {
  return micros >= FIRST_MICROS && micros <= LAST_MICROS;
}

/** Microseconds since 1970 of a number of seconds or milliseconds. */
export function epochMicros(text: string, source: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  const scale = source === 'epoch-seconds' ? 6 : 3;
  return BigInt(`${whole}${fraction.padEnd(scale, '0').slice(0, scale)}`);
}
