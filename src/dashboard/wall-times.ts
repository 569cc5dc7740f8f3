import { dateFormat, isUtc } from './format.ts';

const DAY_MS = 86_400_000;

/** What clocks in the zone show at instants, as epoch milliseconds read as UTC. */
export function wallTimes(instants: readonly number[], timeZone: string): readonly number[] {
  if (isUtc(timeZone)) return instants;
  // To ask for one takes long: where clocks are as far off at both ends of a day, they are within it.
  const known = new Map<number, number>();
  const offsetAt = (ms: number): number => {
    const offset = known.get(ms) ?? wallTime(ms, timeZone) - ms;
    known.set(ms, offset);
    return offset;
  };
  return instants.map((ms) => {
    const day = Math.floor(ms / DAY_MS) * DAY_MS;
    const isSteady = offsetAt(day) === offsetAt(day + DAY_MS);
    return ms + offsetAt(isSteady ? day : ms);
  });
}

function wallTime(ms: number, timeZone: string): number {
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
