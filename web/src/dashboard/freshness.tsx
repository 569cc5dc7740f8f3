import { useEffect, useState } from 'react';
import { Button } from '../ui/button.tsx';
import type { Shown } from './feed.ts';
import styles from './freshness.module.css';
import { toggleTimeZone, useTimeZone } from './zone.ts';

/** How current the screen is, and the zone its instants are shown in. */
export function Freshness({ shown }: { shown: Shown }) {
  const timeZone = useTimeZone();
  const now = useNow();
  const { answer, connection, data, isPending, error } = shown;
  const state = connection === 'lost' || error ? 'lost' : connection;
  const words = {
    connecting: 'connecting',
    live: 'live',
    lost: connection === 'lost' ? 'reconnecting' : 'stale',
  }[state];
  return (
    <div className={styles['freshness']}>
      <span
        role="status"
        className={styles['state']}
        data-state={state}
        data-pending={isPending}
        data-version={JSON.stringify(answer?.version ?? {})}
      >
        {words}
      </span>
      {data?.newestMs != null && (
        <span className={styles['age']} title={new Date(data.newestMs).toLocaleString()}>
          newest record {age(now - data.newestMs)}
        </span>
      )}
      <Button
        variant="quiet"
        title={`Instants are shown in ${timeZone}. Click to change between your zone and UTC.`}
        onClick={toggleTimeZone}
      >
        {timeZone}
      </Button>
    </div>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 2) return 'just now';
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}
