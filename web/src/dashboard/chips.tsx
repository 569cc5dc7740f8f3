import { categoryName } from '../../../src/dashboard/bar-option.ts';
import { formatRange } from '../../../src/dashboard/format.ts';
import type { FilterFields } from '../../../src/dashboard/known-state.ts';
import { type FieldFilter, withFilter } from '../../../src/dashboard/state.ts';
import styles from './chips.module.css';
import { useDashboardState } from './url-state.ts';
import { useWording } from './zone.ts';

type Part = keyof FieldFilter;

/** What is chosen, each with a way to take it back. */
export function Chips({ fields }: { fields: FilterFields | undefined }) {
  const { state, change } = useDashboardState(fields);
  const wording = useWording();
  const chips = Object.entries(state.filters).flatMap(([field, filter]) =>
    (['in', 'range', 'has'] as const)
      .filter((part) => filter[part] !== undefined)
      .map((part) => ({ field, part, words: wordsOf(filter, part) })),
  );
  function wordsOf(filter: FieldFilter, part: Part): string {
    if (part === 'range' && filter.range) return formatRange(filter.range, wording);
    if (part === 'has') return `“${filter.has}”`;
    const names = (filter.in ?? []).map(categoryName);
    return names.length > 3
      ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`
      : names.join(', ');
  }
  if (chips.length === 0) return <span />;
  return (
    <ul className={styles['chips']} aria-label="Filters">
      {chips.map(({ field, part, words }) => (
        <li key={`${field}.${part}`}>
          <button
            type="button"
            className={styles['chip']}
            aria-label={`Remove filter ${field.replaceAll('_', ' ')}: ${words}`}
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
  );
}
