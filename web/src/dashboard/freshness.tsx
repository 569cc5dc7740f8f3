import { useEffect, useState } from 'react';
import { Button } from '../ui/button.tsx';
import type { Shown } from './feed.ts';
import styles from './freshness.module.css';
import { toggleTimeZone, useTimeZone } from './zone.ts';

interface FreshnessProps {
  readonly shown: Shown;
  /** When the newest record came of what is shown; null before the first, undefined while that is not known. */
  readonly newestMs: number | null | undefined;
}

/** How current the screen is, and the zone its instants are shown in. */
export function Freshness({ shown, newestMs }: FreshnessProps) {
  const timeZone = useTimeZone();
  const now = useNow();
  const { answer, isPending } = shown;
  const state = stateOf(shown);
  const words = {
    connecting: 'connecting',
    live: 'live',
    computing: 'computing',
    lost: shown.connection === 'lost' ? 'reconnecting' : 'stale',
  }[state];
  return (
    <div className={styles['freshness']}>
      <div className={styles['words']}>
        <span
          role="status"
          className={styles['state']}
          data-state={state}
          data-pending={isPending}
          data-version={JSON.stringify(answer?.version ?? {})}
        >
          {words}
        </span>
        {newestMs === null && <span className={styles['age']}>no record yet</span>}
        {newestMs != null && (
          <span className={styles['age']} title={new Date(newestMs).toLocaleString()}>
            <span className={styles['what']}>newest record </span>
            {age(now - newestMs)}
          </span>
        )}
      </div>
      <Button
        variant="quiet"
        className={styles['zone'] ?? ''}
        title={`Instants are shown in ${timeZone}. Click to change between your zone and UTC.`}
        onClick={toggleTimeZone}
      >
        {timeZone}
      </Button>
    </div>
  );
}

function stateOf({ connection, standing, error }: Shown) {
  if (connection === 'lost' || error) return 'lost';
  return standing === 'current' ? connection : 'computing';
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
