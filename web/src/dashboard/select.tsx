import { useId, useState } from 'react';
import type { Choice } from '../../../src/dashboard/answer.ts';
import { categoryName } from '../../../src/dashboard/bar-option.ts';
import { toggleValue, withFilter } from '../../../src/dashboard/state.ts';
import type { SelectControl } from '../../../src/definition/chart.ts';
import { Button } from '../ui/button.tsx';
import styles from './controls.module.css';
import { useChoices } from './use-choices.ts';
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
  const { state, change, wording } = useView();
  const [words, setWords] = useState('');
  const { choices, total, left, isAsking, error } = useChoices(field, words);
  const shown = withChosen(choices, chosen).filter(({ value }) => hasWords(value, words));
  const count = (number: number) => number.toLocaleString(wording.language);
  return (
    <>
      {total > SEARCH_FROM && (
        <input
          type="search"
          className={styles['input']}
          // A popover gives the focus to what asks for it, and typing goes there at once.
          ref={(input) => input?.setAttribute('autofocus', '')}
          placeholder={`Find in ${count(total)}`}
          aria-label={`Find in ${title}`}
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
      )}
      <ul className={styles['choices']} aria-busy={isAsking}>
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
        {shown.length === 0 && (
          <li className={styles['none']}>{isAsking ? 'Looking …' : 'Nothing like that'}</li>
        )}
      </ul>
      <More error={error} left={left} count={count} />
    </>
  );
}

interface MoreProps {
  readonly error: string | undefined;
  readonly left: number;
  readonly count: (number: number) => string;
}

/** What the list does not say by itself. */
function More({ error, left, count }: MoreProps) {
  if (error === undefined && left <= 0) return null;
  return (
    <p className={styles['more']} role="status">
      {error ?? `${count(left)} more are not listed: type to find them.`}
    </p>
  );
}

const hasWords = (value: string | null, words: string): boolean =>
  categoryName(value).toLowerCase().includes(words.trim().toLowerCase());

/** What is chosen stays in the list where other filters leave it no rows: it is also taken back there. */
function withChosen(
  choices: readonly Choice[],
  chosen: ChoicesProps['chosen'],
): readonly (Pick<Choice, 'value'> & Partial<Choice>)[] {
  const known = new Set(choices.map(({ value }) => value));
  return [...chosen.filter((value) => !known.has(value)).map((value) => ({ value })), ...choices];
}
