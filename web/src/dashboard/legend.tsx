import type { SeriesAnswer } from '../../../src/dashboard/answer.ts';
import { categoryName } from '../../../src/dashboard/bar-option.ts';
import { toggleValue } from '../../../src/dashboard/state.ts';
import { seriesColor } from '../../../src/dashboard/theme.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import styles from './legend.module.css';
import { useView } from './view.ts';

export function Swatch({ color }: { color: string }) {
  return (
    <svg className={styles['swatch']} viewBox="0 0 10 10" aria-hidden="true">
      <rect width="10" height="10" rx="2" fill={color} />
    </svg>
  );
}

/** The names of colours; each is a button that filters by it. */
export function Legend({ chart, answer }: { chart: Chart; answer: SeriesAnswer }) {
  const { theme, state, change } = useView();
  const { color } = chart;
  if (color === undefined) return null;
  const chosen = state.filters[color]?.in;
  return (
    <ul className={styles['legend']} aria-label={`${chart.title}: ${color.replaceAll('_', ' ')}`}>
      {answer.series.map(({ name = null, isOther = false }, index) => (
        <li key={isOther ? 'other' : JSON.stringify(name)}>
          {isOther ? (
            <span className={styles['item']}>
              <Swatch color={seriesColor(theme, index, true)} />
              Other
            </span>
          ) : (
            <button
              type="button"
              className={styles['item']}
              aria-pressed={chosen?.includes(name) ?? false}
              data-faint={chosen !== undefined && !chosen.includes(name)}
              onClick={(event) => {
                const isAdded = event.shiftKey || event.ctrlKey || event.metaKey;
                change(toggleValue(state, color, name, isAdded), { active: color });
              }}
            >
              <Swatch color={seriesColor(theme, index, false)} />
              {categoryName(name)}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
