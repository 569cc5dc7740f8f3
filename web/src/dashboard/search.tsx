import { useEffect, useEffectEvent, useState } from 'react';
import { withFilter } from '../../../src/dashboard/state.ts';
import type { SearchControl } from '../../../src/definition/chart.ts';
import styles from './controls.module.css';
import { useView } from './view.ts';

const TYPING_MS = 200;

/** Keeps the rows that have the words typed. */
export function Search({ control }: { control: SearchControl }) {
  const { state, change } = useView();
  const { field, title } = control;
  const current = state.filters[field]?.has ?? '';
  const [words, setWords] = useState(current);
  const [shown, setShown] = useState(current);
  // The address changed by itself: back, a chip, a link.
  if (shown !== current) {
    setShown(current);
    setWords(current);
  }
  const apply = useEffectEvent(() => {
    const has = words.trim() === '' ? undefined : words;
    if ((has ?? '') === current) return;
    setShown(has ?? '');
    change(withFilter(state, field, { has }), { active: field, isStep: true });
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: each word typed starts the wait anew
  useEffect(() => {
    const timer = setTimeout(apply, TYPING_MS);
    return () => clearTimeout(timer);
  }, [words]);
  return (
    <div className={styles['control']}>
      <input
        type="search"
        className={styles['input']}
        aria-label={`Search ${title}`}
        placeholder={`Search ${title}`}
        value={words}
        onChange={(event) => setWords(event.target.value)}
      />
    </div>
  );
}
