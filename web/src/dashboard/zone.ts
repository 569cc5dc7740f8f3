import { useMemo, useSyncExternalStore } from 'react';
import type { Wording } from '../../../src/dashboard/format.ts';

/** Also what a definition without a zone of its own means. */
const PIPELINE_ZONE = 'UTC';
const KEY = 'millrace-zone';
const changed = new EventTarget();
let isPipelines = read();

function read(): boolean {
  try {
    return localStorage.getItem(KEY) === 'pipeline';
  } catch {
    // Storage is forbidden here: the choice holds until the page is closed.
    return false;
  }
}

export function toggleTimeZone(): void {
  isPipelines = !isPipelines;
  try {
    localStorage.setItem(KEY, isPipelines ? 'pipeline' : 'viewer');
  } catch {
    // As above.
  }
  changed.dispatchEvent(new Event('change'));
}

function subscribe(listener: () => void): () => void {
  changed.addEventListener('change', listener);
  return () => changed.removeEventListener('change', listener);
}

/** The zone instants are shown in: the viewer's, or the pipeline's. */
export function useTimeZone(): string {
  return useSyncExternalStore(subscribe, () =>
    isPipelines ? PIPELINE_ZONE : Intl.DateTimeFormat().resolvedOptions().timeZone,
  );
}

/** How numbers and times are written for this viewer. */
export function useWording(): Wording {
  const timeZone = useTimeZone();
  return useMemo(() => ({ language: undefined, timeZone }), [timeZone]);
}
