import { memo } from 'react';
import type { Bins, KpiAnswer } from '../../../src/dashboard/answer.ts';
import {
  formatChange,
  formatNumber,
  formatShare,
  type Wording,
} from '../../../src/dashboard/format.ts';
import { sparkPath } from '../../../src/dashboard/spark.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import styles from './kpi.module.css';

interface KpiProps {
  readonly chart: Chart;
  readonly answer: KpiAnswer;
  readonly wording: Wording;
}

/** One number, what it is a part of, how it has changed. */
export const Kpi = memo(function Kpi({ chart, answer, wording }: KpiProps) {
  const exact = formatNumber(answer.value, chart.format, wording);
  return (
    <div className={styles['kpi']}>
      <div className={styles['numbers']}>
        <p className={styles['value']} title={exact} data-exact={answer.value ?? ''}>
          {formatNumber(answer.value, chart.format, wording, 'short')}
        </p>
        <p className={styles['note']}>
          <Share chart={chart} answer={answer} wording={wording} />
          <Comparison chart={chart} answer={answer} wording={wording} />
        </p>
      </div>
      {answer.spark && <Spark bins={answer.spark} />}
    </div>
  );
});

function Share({ chart, answer: { value, total }, wording }: KpiProps) {
  if (total === undefined) return null;
  const whole = formatNumber(total, chart.format, wording, 'short');
  if (value === null || total === null) return <span>of {whole}</span>;
  return (
    <span>
      {formatShare(value, total, wording)} of {whole}
    </span>
  );
}

const SPANS: { readonly [unit: string]: string } = {
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  y: 'year',
};

/** `1d` → `last day`, `7d` → `last 7 days`. */
function spanWords(span: string): string {
  if (span === 'previous') return 'this period';
  const [, count = '1', unit = 'd'] = /^(\d+)\s*([a-z]+)$/.exec(span) ?? [];
  const word = SPANS[unit] ?? unit;
  return count === '1' ? `last ${word}` : `last ${count} ${word}s`;
}

function Comparison({ chart, answer: { compare }, wording }: KpiProps) {
  if (!compare) return null;
  const change = formatChange(compare.current, compare.previous, wording);
  const [current, previous] = [compare.current, compare.previous].map((value) =>
    formatNumber(value, chart.format, wording),
  );
  const rises = Number(compare.current) > Number(compare.previous);
  const isSame = Number(compare.current) === Number(compare.previous);
  const isGood = rises === ((chart.good ?? 'up') === 'up');
  const look = change === undefined || isSame ? '' : styles[isGood ? 'good' : 'bad'];
  const words = spanWords(compare.span);
  return (
    <span
      title={`${words}: ${current}; before: ${previous}`}
      data-current={compare.current ?? ''}
      data-previous={compare.previous ?? ''}
    >
      <span className={look}>
        {change === undefined ? 'new' : `${isSame ? '' : rises ? '▲ ' : '▼ '}${change}`}
      </span>{' '}
      {words} vs before
    </span>
  );
}

const SPARK = { width: 96, height: 36 };

function Spark({ bins }: { bins: Bins }) {
  return (
    <svg
      className={styles['spark']}
      viewBox={`0 0 ${SPARK.width} ${SPARK.height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={sparkPath(bins, SPARK)} />
    </svg>
  );
}
