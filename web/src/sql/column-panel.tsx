import { useMemo } from 'react';
import { formatCount } from '../format.ts';
import { Button } from '../ui/button.tsx';
import styles from './column-panel.module.css';
import { type ColumnStatistics, columnStatistics } from './column-statistics.ts';
import type { ResultTable } from './result-table.ts';
import { typeText } from './result-values.ts';

interface ColumnPanelProps {
  readonly result: ResultTable;
  readonly column: number;
  readonly onClose: () => void;
}

/** What is in a column: how many values, how many of them differ, the least, the greatest and the most frequent. */
export function ColumnPanel({ result, column, onClose }: ColumnPanelProps) {
  const statistics = useMemo(() => columnStatistics(result, column), [result, column]);
  const { name = '', type = '' } = result.columns[column] ?? {};
  return (
    <section className={styles['panel']} aria-label={`Statistics of ${name}`}>
      <div className={styles['head']}>
        <h2 className={styles['title']}>
          {name} <span>{typeText(type)}</span>
        </h2>
        <Button variant="quiet" onClick={onClose} aria-label="Close the statistics">
          ✕
        </Button>
      </div>
      <dl className={styles['figures']}>
        {figuresOf(statistics).map(([label, text]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <MostFrequent statistics={statistics} />
    </section>
  );
}

const ROUNDED = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });

function figuresOf({ rows, nulls, distinct, min, max, mean, sum }: ColumnStatistics) {
  const share = rows === 0 ? 0 : Math.round((100 * nulls) / rows);
  const all: [label: string, text: string | undefined][] = [
    ['Rows', formatCount(rows)],
    ['NULL', nulls === 0 ? '0' : `${formatCount(nulls)} (${share} %)`],
    ['Distinct', formatCount(distinct)],
    ['Least', min === '' ? '(empty)' : min],
    ['Greatest', max === '' ? '(empty)' : max],
    ['Mean', mean === undefined ? undefined : ROUNDED.format(mean)],
    ['Sum', sum],
  ];
  return all.filter((one): one is [string, string] => one[1] !== undefined);
}

function MostFrequent({ statistics: { most } }: { statistics: ColumnStatistics }) {
  const greatest = most[0]?.rows ?? 1;
  return (
    <ol className={styles['most']} aria-label="Most frequent values">
      {most.map(({ text, rows }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: values may be cut to equal texts
        <li key={index}>
          <span className={styles['value']}>{text === '' ? '(empty)' : text}</span>
          <span className={styles['count']}>{formatCount(rows)}</span>
          <span
            className={styles['bar']}
            style={{ width: `${(100 * rows) / greatest}%` }}
            aria-hidden="true"
          />
        </li>
      ))}
    </ol>
  );
}
