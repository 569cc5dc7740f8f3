import type { StreamsAt } from './stream-status.ts';

/** As many moments as the page remembers: two minutes of one every two seconds. */
export const HISTORY_LENGTH = 60;
/** A rate is over this long: what comes in batches is not shown as up and down. */
const RATE_MS = 10_000;

/** Moments, oldest first. */
export type History = readonly StreamsAt[];

export function withMoment(history: History, moment: StreamsAt): History {
  if (history.at(-1)?.atMs === moment.atMs) return history;
  return [...history.slice(1 - HISTORY_LENGTH), moment];
}

interface Place {
  readonly atMs: number;
  readonly sequence: number;
}

function placesOf(history: History, stream: string): Place[] {
  return history.flatMap(({ atMs, streams }) => {
    const found = streams.find(({ name }) => name === stream);
    return found ? [{ atMs, sequence: found.nextSequence }] : [];
  });
}

/** Records a second at each moment, from how far the sequence numbers came; none before the second moment. */
export function ratesOf(history: History, stream: string): number[] {
  const places = placesOf(history, stream);
  return places.slice(1).map((place, index) => {
    const before =
      places.slice(0, index + 1).find(({ atMs }) => place.atMs - atMs <= RATE_MS) ??
      (places[index] as Place);
    // A stream that was made anew starts again at its beginning.
    const records = Math.max(0, place.sequence - before.sequence);
    return (records * 1000) / Math.max(1, place.atMs - before.atMs);
  });
}

/** For how long a reader that is behind has not moved; 0 where it moves, or has nothing to read. */
export function standingMs(history: History, stream: string, reader: string): number {
  const last = history.at(-1);
  let since: number | undefined;
  let place: number | undefined;
  for (const { atMs, streams } of [...history].reverse()) {
    const found = streams
      .find(({ name }) => name === stream)
      ?.readers.find(({ name }) => name === reader);
    if (!found || found.lag === 0 || (place !== undefined && found.next !== place)) break;
    place = found.next;
    since = atMs;
  }
  return last === undefined || since === undefined ? 0 : last.atMs - since;
}
