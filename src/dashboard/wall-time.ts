import { dateFormat, isUtc } from './format.ts';

/** What clocks in the zone show at an instant, as epoch milliseconds read as UTC. */
export function wallTime(ms: number, timeZone: string): number {
  if (isUtc(timeZone)) return ms;
  const parts = dateFormat('en', {
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    hourCycle: 'h23',
    timeZone,
  }).formatToParts(ms);
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
}
