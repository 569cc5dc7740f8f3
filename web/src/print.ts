import { useSyncExternalStore } from 'react';
import { flushSync } from 'react-dom';

/**
 * Paper is no screen: it is narrower and always light. What CSS cannot change is drawn anew before the browser
 * takes the page's picture, in the width of paper (`data-print` in base.css), and back once it has it.
 */
const listeners = new Set<() => void>();
let isPrinting = false;

function set(next: boolean): void {
  if (next === isPrinting) return;
  isPrinting = next;
  document.documentElement.toggleAttribute('data-print', next);
  // The browser does not wait: what is not drawn when this returns is not on the paper.
  flushSync(() => {
    for (const listener of listeners) listener();
  });
}

addEventListener('beforeprint', () => set(true));
addEventListener('afterprint', () => set(false));
matchMedia('print').addEventListener('change', ({ matches }) => set(matches));

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePrinting(): boolean {
  return useSyncExternalStore(subscribe, () => isPrinting);
}
