/** Numbers and times as the pages beside dashboards show them, in the viewer's language. */

const COUNT = new Intl.NumberFormat();
const RATE = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const SCALED = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export const formatCount = (count: number): string => COUNT.format(count);

/** `1 record`, `2,000 records` */
export const plural = (count: number, one: string, many: string = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

/** Per second. */
export const formatRate = (rate: number): string =>
  rate >= 1000 ? formatCount(Math.round(rate)) : RATE.format(rate);

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 ? COUNT.format(Math.round(value)) : SCALED.format(value)} ${BYTE_UNITS[unit]}`;
}

const DURATION_UNITS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
];

/** `46 ms`, `1.2 s`, `3 min`, `2 h 5 min`: the two largest parts. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${SCALED.format(ms / 1000)} s`;
  const parts: string[] = [];
  let rest = ms;
  for (const [size, unit] of DURATION_UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || parts.length > 0) parts.push(count > 0 ? `${count} ${unit}` : '');
    if (parts.length === 2) break;
  }
  return parts.filter((part) => part !== '').join(' ');
}

/** `now`, `12 s ago`: whole units, so that it does not flicker. */
export function formatAgo(ms: number): string {
  if (ms < 1000) return 'now';
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s ago`;
  return `${formatDuration(Math.floor(ms / 60_000) * 60_000)} ago`;
}

const INSTANT = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const INSTANT_ZONED = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'full',
  timeStyle: 'long',
});

/** In the viewer's time zone, which `viewerZone` names. */
export const formatInstant = (ms: number): string => INSTANT.format(ms);
export const formatInstantLong = (ms: number): string => INSTANT_ZONED.format(ms);
export const viewerZone = (): string => INSTANT.resolvedOptions().timeZone;
