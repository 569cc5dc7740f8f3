import { memo } from 'react';
import type { GridAnswer } from '../../../src/dashboard/answer.ts';
import {
  columnLabel,
  formatCell,
  formatNumber,
  isNumeric,
  type Wording,
} from '../../../src/dashboard/format.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import { EmptyState } from '../ui/states.tsx';
import { Table } from '../ui/table.tsx';
import styles from './grid.module.css';
import { WhyEmpty } from './why-empty.tsx';

interface GridProps {
  readonly chart: Chart;
  readonly answer: GridAnswer;
  readonly wording: Wording;
}

/** The first rows that match, and how many there are. */
export const Grid = memo(function Grid({ chart, answer, wording }: GridProps) {
  if (answer.rows.length === 0)
    return (
      <EmptyState title="No rows">
        <WhyEmpty chart={chart} />
      </EmptyState>
    );
  return (
    <div className={styles['grid']}>
      <Table
        label={`${chart.title}: rows`}
        columns={answer.columns.map(({ name, type }, index) => ({
          title: columnLabel(name),
          align: isNumeric(type) ? 'right' : 'left',
          cell: ({ values }: Numbered) =>
            formatCell(values[index], type, chart.formats?.[name], wording),
        }))}
        rows={answer.rows.map((values, at) => ({ values, at }))}
        keyOf={({ at }) => String(at)}
      />
      <p className={styles['count']} data-rows={answer.rowCount}>
        {formatNumber(Math.min(answer.rows.length, answer.rowCount), 'integer', wording)} of{' '}
        {formatNumber(answer.rowCount, 'integer', wording)} {answer.rowCount === 1 ? 'row' : 'rows'}
      </p>
    </div>
  );
});

interface Numbered {
  readonly values: readonly unknown[];
  readonly at: number;
}
