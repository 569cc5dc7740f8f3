import { type CSSProperties, memo } from 'react';
import type { Bins, KpiAnswer } from '../../../src/dashboard/answer.ts';
import { comparisonWords } from '../../../src/dashboard/comparison.ts';
import { formatNumber, type Wording } from '../../../src/dashboard/format.ts';
import { wholeWords } from '../../../src/dashboard/share.ts';
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
  const text = formatNumber(answer.value, chart.format, wording, 'short');
  const whole = wholeWords(chart, answer, wording);
  return (
    <div className={styles['kpi']}>
      <div className={styles['line']}>
        <p
          className={styles['value']}
          style={{ '--ems': widthInEms(text) } as CSSProperties}
          title={exact}
          data-exact={answer.value ?? ''}
        >
          {text}
        </p>
        {answer.spark && <Spark bins={answer.spark} />}
      </div>
      <p className={styles['note']}>
        {whole !== undefined && <span>{whole}</span>}
        <Comparison chart={chart} answer={answer} wording={wording} />
      </p>
    </div>
  );
});

/** A little more than what the text needs, by which its size is chosen: a number is never cut in two. */
function widthInEms(text: string): number {
  const widths = [...text].map((letter) => {
    if (/[.,:;’' \u00a0\u202f]/.test(letter)) return 0.32;
    return letter > '\u2e80' ? 1.05 : /[mw%MW]/.test(letter) ? 0.95 : 0.66;
  });
  return Math.max(1, Math.round(100 * widths.reduce((sum, width) => sum + width, 0)) / 100);
}

function Comparison({ chart, answer: { compare }, wording }: KpiProps) {
  if (!compare) return null;
  const words = comparisonWords(chart, compare, wording);
  const [current, previous] = [compare.current, compare.previous].map((value) =>
    formatNumber(value, chart.format, wording),
  );
  return (
    <span
      title={`${words.current}: ${current}; ${words.previous}: ${previous}`}
      data-current={compare.current ?? ''}
      data-previous={compare.previous ?? ''}
    >
      <span className={styles[words.tone]}>{words.change}</span> {words.when}
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
