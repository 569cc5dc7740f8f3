import { lazy, Suspense, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { EmptyState, Skeleton } from '../ui/states.tsx';
import { ColumnPanel } from './column-panel.tsx';
import { isPlan, PlanTree } from './plan-tree.tsx';
import { ResultGrid } from './result-grid.tsx';
import type { ResultTable } from './result-table.ts';
import styles from './result-view.module.css';

/** Charts are a large part, and most results are read. */
const QuickChart = lazy(async () => ({ default: (await import('./quick-chart.tsx')).QuickChart }));

type Look = 'table' | 'chart';

/** A result as table, with what is in a column beside it, or as a chart. */
export function ResultView({ result }: { result: ResultTable }) {
  const [look, setLook] = useState<Look>('table');
  const [column, setColumn] = useState<number>();
  if (result.rowCount === 0)
    return (
      <EmptyState title="The query gives no row">
        Its columns are {result.columns.map(({ name }) => name).join(', ')}.
      </EmptyState>
    );
  if (isPlan(result)) return <PlanTree result={result} />;
  return (
    <div className={styles['view']}>
      <fieldset className={styles['looks']} aria-label="How the result is shown">
        {(['table', 'chart'] as const).map((one) => (
          <Button
            key={one}
            variant="quiet"
            aria-pressed={look === one}
            onClick={() => setLook(one)}
          >
            {one === 'table' ? 'Table' : 'Chart'}
          </Button>
        ))}
      </fieldset>
      <div className={styles['content']}>
        {look === 'table' ? (
          <ResultGrid result={result} onColumn={setColumn} />
        ) : (
          <Suspense fallback={<Skeleton lines={8} label="Loading charts" />}>
            <QuickChart result={result} />
          </Suspense>
        )}
        {look === 'table' && column !== undefined && (
          <ColumnPanel result={result} column={column} onClose={() => setColumn(undefined)} />
        )}
      </div>
    </div>
  );
}
