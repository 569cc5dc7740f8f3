import type { DashboardAnswer } from '../../../src/dashboard/answer.ts';
import type { FilterFields } from '../../../src/dashboard/known-state.ts';
import { withFilter } from '../../../src/dashboard/state.ts';
import { filterWords, periodWords } from '../../../src/dashboard/words.ts';
import type { DashboardItem } from '../../../src/definition/chart.ts';
import styles from './chips.module.css';
import { useDashboardState } from './url-state.ts';
import { useWording } from './zone.ts';

interface ChipsProps {
  readonly items: readonly DashboardItem[];
  /** Undefined until the first answer. */
  readonly answer: DashboardAnswer | undefined;
  readonly fields: FilterFields | undefined;
}

/** What is chosen, each with a way to take it back. */
export function Chips({ items, answer, fields }: ChipsProps) {
  const { state, change } = useDashboardState(fields);
  const wording = useWording();
  const chips = filterWords(items, state, { instants: answer?.instants.fields ?? [], wording });
  return (
    <div>
      {/* On paper there is no control that says of when the numbers are. */}
      {answer && (
        <p className={styles['printed']}>
          {periodWords(answer, wording)} · {wording.timeZone}
        </p>
      )}
      {chips.length > 0 && (
        <ul className={styles['chips']} aria-label="Filters">
          {chips.map(({ field, part, words }) => (
            <li key={`${field}.${part}`}>
              <button
                type="button"
                className={styles['chip']}
                aria-label={`Remove filter ${words}`}
                onClick={() =>
                  change(withFilter(state, field, { [part]: undefined }), { active: field })
                }
              >
                <span className={styles['words']}>{words}</span>
                <span aria-hidden="true">×</span>
              </button>
            </li>
          ))}
          {chips.length > 1 && (
            <li>
              <button
                type="button"
                className={styles['clear']}
                onClick={() => change({ ...state, filters: {} })}
              >
                Clear all
              </button>
            </li>
          )}
        </ul>
      )}
    </div>
  );
}
