import { type KeyboardEvent, useCallback, useRef, useState } from 'react';
import type { SeriesAnswer } from '../../../src/dashboard/answer.ts';
import { categoryName, totalsOf } from '../../../src/dashboard/bar-option.ts';
import { chartOption } from '../../../src/dashboard/chart-option.ts';
import { formatNumber } from '../../../src/dashboard/format.ts';
import { barPlot, barsHeight, type Size } from '../../../src/dashboard/plot.ts';
import { toggleValue, withFilter } from '../../../src/dashboard/state.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import styles from './bar-chart.module.css';
import { useChosen } from './chosen.ts';
import { Drawing } from './drawing.tsx';
import { useView } from './view.ts';

/** Bars by category; each is an option that filters the rest. */
export function CategoryChart({ chart, answer }: { chart: Chart; answer: SeriesAnswer }) {
  const { theme, wording, state } = useView();
  // The most bars there were: fewer of them must not move what is below.
  const [most, setMost] = useState(answer.x.length);
  if (answer.x.length > most) setMost(answer.x.length);
  const height = barsHeight(answer.x.length);
  const chosen = useChosen(chart, state);
  const option = useCallback(
    (size: Size) => chartOption(chart, answer, { theme, size, wording, chosen }),
    [chart, answer, theme, wording, chosen],
  );
  return (
    <div style={{ minHeight: barsHeight(most) }}>
      <Drawing
        height={height}
        label={`${chart.title}, bars by ${(chart.x ?? '').replaceAll('_', ' ')}`}
        option={option}
      >
        {() => <Options chart={chart} answer={answer} height={height} />}
      </Drawing>
    </div>
  );
}

function Options({
  chart,
  answer,
  height,
}: {
  chart: Chart;
  answer: SeriesAnswer;
  height: number;
}) {
  const { wording, state, change } = useView();
  const list = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState(0);
  const field = chart.x as string;
  const chosen = state.filters[field]?.in ?? [];
  const plot = barPlot([], 0);
  const row = (height - plot.top - plot.bottom) / Math.max(1, answer.x.length);
  const totals = totalsOf(answer);
  const choose = (value: string | null, isAdded: boolean) =>
    change(toggleValue(state, field, value, isAdded), { active: field });
  const keyed = (event: KeyboardEvent) => {
    const at = nextAt(event.key, focused, answer.x.length);
    if (at !== undefined) {
      setFocused(at);
      (list.current?.children[at] as HTMLElement | undefined)?.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      choose(valueAt(answer, focused), event.shiftKey || event.ctrlKey || event.metaKey);
    } else if (event.key === 'Escape') {
      change(withFilter(state, field, { in: undefined }), { active: field });
    } else return;
    event.preventDefault();
  };
  if (answer.x.length === 0) return null;
  return (
    <div
      ref={list}
      role="listbox"
      tabIndex={-1}
      aria-label={chart.title}
      aria-multiselectable="true"
      className={styles['options']}
      style={{ top: plot.top }}
      onKeyDown={keyed}
    >
      {answer.x.map((_, at) => {
        const value = valueAt(answer, at);
        const name = categoryName(value);
        const number = formatNumber(totals[at] ?? null, chart.format, wording);
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys of all its options
          <div
            key={JSON.stringify(value)}
            role="option"
            tabIndex={at === Math.min(focused, answer.x.length - 1) ? 0 : -1}
            aria-selected={chosen.includes(value)}
            aria-label={`${name}, ${number}`}
            title={`${name}: ${number}`}
            data-value={totals[at] ?? ''}
            className={styles['option']}
            style={{ height: row }}
            onFocus={() => setFocused(at)}
            // Shift adds a bar; it would also select the text from the last click to this one.
            onMouseDown={(event) => {
              if (!event.shiftKey) return;
              event.preventDefault();
              event.currentTarget.focus();
            }}
            onClick={(event) => choose(value, event.shiftKey || event.ctrlKey || event.metaKey)}
          />
        );
      })}
    </div>
  );
}

function valueAt({ x }: SeriesAnswer, at: number): string | null {
  const value = x[at] ?? null;
  return value === null ? null : String(value);
}

function nextAt(key: string, at: number, count: number): number | undefined {
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: count - 1 }[key];
  return to === undefined ? undefined : Math.min(Math.max(to, 0), count - 1);
}
