import { formatCount, formatDuration, plural } from '../format.ts';
import type { Problem } from '../ui/problems.tsx';
import { type History, standingMs } from './stream-history.ts';
import type { StreamStatus } from './stream-status.ts';

/** A delivery may take this long beyond its interval before it counts as late. */
const DELIVERY_GRACE_MS = 30_000;
/** A lookup is written within a second; one that stands this long is stuck. */
const STANDING_MS = 10_000;

interface HealthOptions {
  readonly history: History;
  readonly everyMs: number | undefined;
  readonly nowMs: number;
}

/** What does not go on by itself in a stream, the worst first. */
export function problemsOf(stream: StreamStatus, options: HealthOptions): Problem[] {
  return [...damage(stream), ...delivery(stream, options), ...readers(stream, options)];
}

function damage({ damaged }: StreamStatus): Problem[] {
  if (damaged.length === 0) return [];
  return [
    {
      tone: 'bad',
      what: `${plural(damaged.length, 'place')} of the log ${damaged.length === 1 ? 'is' : 'are'} damaged: ${damaged.join('; ')}`,
      fix: 'Records behind the damage are still read. Check the disk, and bring the named files back from a backup while the pipeline is stopped.',
    },
  ];
}

function delivery(stream: StreamStatus, { everyMs, nowMs }: HealthOptions): Problem[] {
  const { delivery } = stream;
  if (!delivery) return [];
  const safe = `${plural(delivery.lag, 'record waits', 'records wait')} in the log meanwhile, and SQL sees them already.`;
  if (delivery.error !== null)
    return [
      {
        tone: 'bad',
        what: `The delivery to ${delivery.target} fails: ${delivery.error}`,
        fix: `${safe} It is tried again every 5 seconds. Correct what the message names, most often space on the disk or rights in the data folder.`,
      },
    ];
  if (delivery.waitingSinceMs === null || everyMs === undefined) return [];
  const waitingMs = nowMs - delivery.waitingSinceMs;
  const dueMs = everyMs + Math.max(DELIVERY_GRACE_MS, 3 * (delivery.lastDurationMs ?? 0));
  if (waitingMs <= dueMs) return [];
  return [
    {
      tone: 'bad',
      what: `Nothing is delivered to ${delivery.target}: the oldest record has waited ${formatDuration(waitingMs)}, and is due every ${formatDuration(everyMs)}`,
      fix: `${safe} See whether the engine is up with \`millrace status\`, and what the log of the process says.`,
    },
  ];
}

function readers(stream: StreamStatus, { history }: HealthOptions): Problem[] {
  // The table's reader is the delivery, which is judged by its interval.
  return stream.readers
    .filter(({ name }) => name !== 'table')
    .flatMap(({ name, lag }): Problem[] => {
      const standing = standingMs(history, stream.name, name);
      if (standing < STANDING_MS) return [];
      return [
        {
          tone: 'bad',
          what: `The ${name} of this stream have not moved for ${formatDuration(standing)} and are ${formatCount(lag)} records behind`,
          fix: 'Their worker starts again by itself when it fails. If this stays, see `millrace status` and the log of the process; `millrace replay` builds a lookup again.',
        },
      ];
    });
}
