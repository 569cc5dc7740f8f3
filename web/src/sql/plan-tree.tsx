import { formatCount } from '../format.ts';
import styles from './plan-tree.module.css';
import type { ResultTable } from './result-table.ts';

interface Step {
  readonly id: number;
  readonly step: string;
  readonly details: string | null;
  readonly rows: number | null;
  readonly estimated: number | null;
  readonly ms: number | null;
  readonly depth: number;
}

const COLUMNS = ['id', 'parent', 'step', 'details', 'estimated_rows', 'rows', 'ms'];

/** Whether a result is what EXPLAIN answers. */
export const isPlan = ({ columns }: ResultTable): boolean =>
  columns.map(({ name }) => name).join() === COLUMNS.join();

/** The steps of a plan, each below the one that takes its rows; a bar shows its part of the time, or of the rows. */
export function PlanTree({ result }: { result: ResultTable }) {
  const steps = stepsOf(result);
  const isRun = steps.some(({ ms }) => ms !== null);
  const weight = ({ ms, estimated }: Step) => (isRun ? ms : estimated) ?? 0;
  const most = Math.max(...steps.map(weight), Number.MIN_VALUE);
  return (
    <ol className={styles['plan']} aria-label="Plan">
      {steps.map((step) => (
        <li key={step.id} style={{ marginLeft: `${step.depth * 1.25}rem` }}>
          <div className={styles['step']}>
            <span className={styles['name']}>{step.step}</span>
            <span className={styles['figures']}>{figures(step)}</span>
            <span
              className={styles['bar']}
              style={{ width: `${(100 * weight(step)) / most}%` }}
              aria-hidden="true"
            />
          </div>
          {step.details !== null && <pre className={styles['details']}>{step.details}</pre>}
        </li>
      ))}
    </ol>
  );
}

function figures({ rows, estimated, ms }: Step): string {
  const counted =
    rows === null
      ? estimated === null
        ? ''
        : `about ${formatCount(estimated)} rows`
      : `${formatCount(rows)} rows`;
  return [counted, ms === null ? '' : `${ms.toFixed(ms < 10 ? 2 : 0)} ms`]
    .filter((part) => part !== '')
    .join(' · ');
}

function stepsOf({ columns, rowCount }: ResultTable): Step[] {
  const depths = new Map<number, number>();
  return Array.from({ length: rowCount }, (_, row) => {
    const [id, parent, step, details, estimated, rows, ms] = columns.map(({ value }) => value(row));
    const depth = parent === null ? 0 : (depths.get(Number(parent)) ?? 0) + 1;
    depths.set(Number(id), depth);
    const number = (value: unknown) => (value === null ? null : Number(value));
    return {
      id: Number(id),
      step: String(step),
      details: details === null ? null : String(details),
      rows: number(rows),
      estimated: number(estimated),
      ms: number(ms),
      depth,
    };
  });
}
