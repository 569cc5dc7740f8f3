import { useId, useMemo, useRef, useState } from 'react';
import { categoryName } from '../../../src/dashboard/bar-option.ts';
import { toggleValue, withFilter } from '../../../src/dashboard/state.ts';
import type { SelectControl } from '../../../src/definition/chart.ts';
import { Button } from '../ui/button.tsx';
import styles from './controls.module.css';
import { useView } from './view.ts';

const SEARCH_FROM = 8;

/** Chooses values of a column, the most frequent first. */
export function Select({ control }: { control: SelectControl }) {
  const { answer, state, change, wording } = useView();
  const id = useId();
  const popover = useRef<HTMLDivElement>(null);
  const [words, setWords] = useState('');
  const { field, title } = control;
  const chosen = state.filters[field]?.in ?? [];
  const choices = answer?.choices[field] ?? [];
  const shown = useMemo(
    () =>
      choices.filter(({ value }) =>
        categoryName(value).toLowerCase().includes(words.trim().toLowerCase()),
      ),
    [choices, words],
  );
  const summary =
    chosen.length === 0
      ? 'all'
      : chosen.length <= 2
        ? chosen.map(categoryName).join(', ')
        : `${chosen.length} chosen`;
  return (
    <div className={styles['control']}>
      <button type="button" className={styles['opener']} popoverTarget={id} aria-haspopup="dialog">
        <span className={styles['label']}>{title}</span>
        <span className={styles['value']}>{summary}</span>
        <span aria-hidden="true">▾</span>
      </button>
      <div
        id={id}
        ref={popover}
        popover="auto"
        className={styles['popover']}
        role="dialog"
        aria-label={title}
      >
        {choices.length > SEARCH_FROM && (
          <input
            type="search"
            className={styles['input']}
            placeholder={`Find in ${choices.length}`}
            aria-label={`Find in ${title}`}
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
        )}
        <ul className={styles['choices']}>
          {shown.map(({ value, rows }) => (
            <li key={`=${value}`}>
              <label className={styles['choice']}>
                <input
                  type="checkbox"
                  checked={chosen.includes(value)}
                  onChange={() => change(toggleValue(state, field, value, true), { active: field })}
                />
                <span className={styles['name']}>{categoryName(value)}</span>
                <span className={styles['rows']}>{rows.toLocaleString(wording.language)}</span>
              </label>
            </li>
          ))}
          {shown.length === 0 && <li className={styles['none']}>Nothing like that</li>}
        </ul>
        <Button
          variant="quiet"
          disabled={chosen.length === 0}
          onClick={() => change(withFilter(state, field, { in: undefined }), { active: field })}
        >
          Show all
        </Button>
      </div>
    </div>
  );
}
