import type { GridAnswer } from '../../../src/dashboard/answer.ts';
import { columnLabel, formatCell, formatNumber, isNumeric } from '../../../src/dashboard/format.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import { EmptyState } from '../ui/states.tsx';
import { Table } from '../ui/table.tsx';
import styles from './grid.module.css';
import { useView } from './view.ts';

/** The first rows that match, and how many there are. */
export function Grid({ chart, answer }: { chart: Chart; answer: GridAnswer }) {
  const { wording } = useView();
  if (answer.rows.length === 0)
    return (
      <EmptyState title="No rows">
        Nothing has come yet, or nothing in the period passes the filters.
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
        {formatNumber(answer.rowCount, 'integer', wording)} rows
      </p>
    </div>
  );
}

interface Numbered {
  readonly values: readonly unknown[];
  readonly at: number;
}
