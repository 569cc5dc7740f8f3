import { useId, useState } from 'react';
import { parseTimeRange } from '../../../src/core/time-grain.ts';
import { formatBin, formatRange } from '../../../src/dashboard/format.ts';
import type { PeriodControl } from '../../../src/definition/chart.ts';
import { Button } from '../ui/button.tsx';
import styles from './controls.module.css';
import { futureSource } from './future.ts';
import { useView } from './view.ts';

const UNITS: { readonly [unit: string]: string } = {
  m: 'minutes',
  h: 'hours',
  d: 'days',
  w: 'weeks',
  y: 'years',
};

/** `7d` → `7 days`. */
export function spanName(span: string): string {
  if (span === 'all') return 'All time';
  const [, count, unit = ''] = /^(\d+)\s*([a-z]+)$/.exec(span) ?? [];
  if (count === undefined) return span;
  const word = UNITS[unit] ?? unit;
  return `${count} ${count === '1' ? word.replace(/s$/, '') : word}`;
}

/** Chooses the span that everything shows; it ends at the newest value, or is given by two days. */
export function Period({ control }: { control: PeriodControl }) {
  const { state, change, answer, wording } = useView();
  const id = useId();
  const current = state.period ?? control.default;
  const choose = (period: string) => {
    const { period: _, ...others } = state;
    change(period === control.default ? others : { ...state, period });
  };
  const range = parseTimeRange(current);
  const isInstant = answer?.instants.time ?? false;
  // A link may name a span that is not offered.
  const other = control.spans.includes(current) ? undefined : current;
  const isSpan = current !== 'all' && !range;
  return (
    <>
      <div className={styles['control']}>
        <label className={styles['label']} htmlFor={id}>
          Period
        </label>
        <select
          id={id}
          className={styles['select']}
          value={current}
          onChange={(event) => choose(event.target.value)}
        >
          {other && (
            <option value={other}>
              {range ? formatRange(range, wording, isInstant) : spanName(other)}
            </option>
          )}
          {control.spans.map((span) => (
            <option key={span} value={span}>
              {spanName(span)}
            </option>
          ))}
        </select>
        <CustomPeriod onChoose={choose} />
        {isSpan && (
          <span className={styles['dates']} data-period={current}>
            {answer?.period ? formatRange(answer.period, wording, isInstant) : ''}
          </span>
        )}
      </div>
      {isSpan && <FutureHint />}
    </>
  );
}

/** One wrong date moves the end of every span: then the page would be empty without a word. */
function FutureHint() {
  const { answer, wording } = useView();
  const ahead = futureSource(answer?.newest ?? {}, Date.now());
  if (!ahead) return null;
  const day = formatBin(ahead.newestMs, 'day', false, wording);
  return (
    <p className={styles['hint']} role="status">
      The newest row of {ahead.source} is dated {day}, which is still to come, and spans end there.
      Choose “All time” or days to see the others.
    </p>
  );
}

function CustomPeriod({ onChoose }: { onChoose: (period: string) => void }) {
  const id = useId();
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const dayAfter = (day: string) =>
    new Date(Date.parse(`${day}T00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  return (
    <>
      <button
        type="button"
        className={styles['opener']}
        popoverTarget={id}
        aria-label="Choose days"
      >
        Days…
      </button>
      <div
        id={id}
        popover="auto"
        className={styles['popover']}
        role="dialog"
        aria-label="Choose days"
      >
        <label className={styles['day']}>
          From
          <input
            type="date"
            className={styles['input']}
            value={from}
            onChange={(event) => setFrom(event.target.value)}
          />
        </label>
        <label className={styles['day']}>
          To (included)
          <input
            type="date"
            className={styles['input']}
            value={to}
            onChange={(event) => setTo(event.target.value)}
          />
        </label>
        <Button
          variant="primary"
          disabled={from === '' || to === '' || to < from}
          onClick={() => {
            onChoose(`${from}..${dayAfter(to)}`);
            document.getElementById(id)?.hidePopover();
          }}
        >
          Show these days
        </Button>
      </div>
    </>
  );
}
