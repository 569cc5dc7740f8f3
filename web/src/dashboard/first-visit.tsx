import { useState } from 'react';
import { Link } from 'wouter';
import { itemsOf } from '../../../src/definition/dashboard-items.ts';
import type { DashboardPlan } from '../../../src/plan/plan.ts';
import { usePlan } from '../plan.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import styles from './first-visit.module.css';
import { sampleRecord } from './sample-record.ts';

const KEY = 'millrace-first-visit';

function isDone(): boolean {
  try {
    return localStorage.getItem(KEY) === 'done';
  } catch {
    // Storage is forbidden here: the explanation stays.
    return false;
  }
}

/** Three lines for who is here for the first time. */
export function FirstVisit({ dashboard }: { dashboard: DashboardPlan }) {
  const [done, setDone] = useState(isDone);
  const plan = usePlan().data;
  const names = itemsOf(dashboard.items).flatMap((item) => ('from' in item ? [item.from] : []));
  const shown = names.find((name) => plan?.streams.some((one) => one.name === name));
  const stream = plan?.streams.find(({ name }) => name === shown) ?? plan?.streams[0];
  if (done || !stream) return null;
  const record = JSON.stringify(sampleRecord(stream));
  const curl = `curl ${location.origin}/v1/streams/${stream.name}/records \\\n  -H 'Content-Type: application/json' \\\n  -d '${record.replaceAll("'", "'\\''")}'`;
  const close = () => {
    setDone(true);
    try {
      localStorage.setItem(KEY, 'done');
    } catch {
      // It comes again with the next visit.
    }
  };
  return (
    <Card
      title="New here?"
      actions={
        <Button variant="quiet" onClick={close}>
          Got it
        </Button>
      }
    >
      <ol className={styles['steps']}>
        <li>
          This page is <code>dashboard('{dashboard.name}', …)</code> in your pipeline file: change
          it and save, and the page follows.
        </li>
        <li>
          Send a record and watch the numbers move:
          <pre className={styles['code']}>{curl}</pre>
          <Button onClick={() => void navigator.clipboard.writeText(curl)}>Copy</Button>
        </li>
        <li>
          Ask anything of the same data on the <Link href="/sql">SQL page</Link>: it is{' '}
          <code>lake.{stream.name}</code>.
        </li>
      </ol>
    </Card>
  );
}
