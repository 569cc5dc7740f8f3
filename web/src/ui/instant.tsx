import { useSyncExternalStore } from 'react';
import { formatAgo, formatInstant, formatInstantLong } from '../format.ts';

/** A moment in the viewer's time zone; with pointer or focus on it, in full with the zone. */
export function Instant({ ms }: { ms: number }) {
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatInstantLong(ms)}>
      {formatInstant(ms)}
    </time>
  );
}

/** How long ago it was. */
export function Ago({ ms }: { ms: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatInstantLong(ms)}>
      {formatAgo(Math.max(0, now - ms))}
    </time>
  );
}

const TICK_MS = 1000;

const tick = (listener: () => void): (() => void) => {
  const timer = setInterval(listener, TICK_MS);
  return () => clearInterval(timer);
};

/** The time, to the second. */
export function useNow(): number {
  return useSyncExternalStore(tick, () => Math.floor(Date.now() / TICK_MS) * TICK_MS);
}
