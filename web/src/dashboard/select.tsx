import { useId, useState } from 'react';
import type { Choice } from '../../../src/dashboard/answer.ts';
import { categoryName } from '../../../src/dashboard/bar-option.ts';
import { toggleValue, withFilter } from '../../../src/dashboard/state.ts';
import type { SelectControl } from '../../../src/definition/chart.ts';
import { Button } from '../ui/button.tsx';
import styles from './controls.module.css';
import { useView } from './view.ts';

const SEARCH_FROM = 8;

/** Chooses values of a column, the most frequent first. */
export function Select({ control }: { control: SelectControl }) {
  const { state, change } = useView();
  const id = useId();
  const { field, title } = control;
  const chosen = state.filters[field]?.in ?? [];
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
      <div id={id} popover="auto" className={styles['popover']} role="dialog" aria-label={title}>
        <Choices control={control} chosen={chosen} />
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

interface ChoicesProps {
  readonly control: SelectControl;
  readonly chosen: readonly (string | null)[];
}

function Choices({ control: { field, title }, chosen }: ChoicesProps) {
  const { answer, state, change, wording } = useView();
  const [words, setWords] = useState('');
  const choices = answer?.choices[field] ?? [];
  const shown = withChosen(choices, chosen).filter(({ value }) =>
    categoryName(value).toLowerCase().includes(words.trim().toLowerCase()),
  );
  return (
    <>
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
          <li key={JSON.stringify(value)}>
            <label className={styles['choice']}>
              <input
                type="checkbox"
                checked={chosen.includes(value)}
                onChange={() => change(toggleValue(state, field, value, true), { active: field })}
              />
              <span className={styles['name']}>{categoryName(value)}</span>
              <span className={styles['rows']}>{rows?.toLocaleString(wording.language)}</span>
            </label>
          </li>
        ))}
        {shown.length === 0 && <li className={styles['none']}>Nothing like that</li>}
      </ul>
    </>
  );
}

/** What is chosen stays in the list where other filters leave it no rows: it is also taken back there. */
function withChosen(
  choices: readonly Choice[],
  chosen: ChoicesProps['chosen'],
): readonly (Pick<Choice, 'value'> & Partial<Choice>)[] {
  const known = new Set(choices.map(({ value }) => value));
  return [...chosen.filter((value) => !known.has(value)).map((value) => ({ value })), ...choices];
}
