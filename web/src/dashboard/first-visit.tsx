import { useState } from 'react';
import { Link } from 'wouter';
import { itemsOf } from '../../../src/definition/dashboard-items.ts';
import type { DashboardPlan, StreamPlan } from '../../../src/plan/plan.ts';
import { usePlan } from '../plan.tsx';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Code } from '../ui/code.tsx';
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

/** A line each for who is here for the first time: what the page is, how it moves, where to go on. */
export function FirstVisit({ dashboard }: { dashboard: DashboardPlan }) {
  const [done, setDone] = useState(isDone);
  const plan = usePlan().data;
  const { session } = useSession();
  const names = itemsOf(dashboard.items).flatMap((item) => ('from' in item ? [item.from] : []));
  const shown = names.find((name) => plan?.streams.some((one) => one.name === name));
  const stream = plan?.streams.find(({ name }) => name === shown) ?? plan?.streams[0];
  if (done || !stream || !session) return null;
  const close = () => {
    setDone(true);
    try {
      localStorage.setItem(KEY, 'done');
    } catch {
      // It comes again with the next visit.
    }
  };
  return (
    <div className="no-print">
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
            The charts are <code>dashboard('{dashboard.name}', …)</code> in your pipeline file:
            change it, {session.requiresLogin ? 'start again' : 'save'}, and the page follows.
          </li>
          <li>
            Click a bar or drag over a time axis, and everything else is filtered; the address is a
            link to what you see.
          </li>
          <li>
            Send a record{session.requiresLogin && ', with a key of a producer,'} and see it arrive:
            <Code label="curl that sends a record" text={curlOf(stream, session.requiresLogin)} />
          </li>
          <li>
            Ask anything of the same data on the <Link href="/sql">SQL page</Link>: it is{' '}
            <code>lake.{stream.name}</code>.
          </li>
        </ol>
      </Card>
    </div>
  );
}

function curlOf(stream: StreamPlan, needsKey: boolean): string {
  const record = JSON.stringify(sampleRecord(stream)).replaceAll("'", "'\\''");
  const key = needsKey ? " \\\n  -H 'authorization: Bearer mr_…'" : '';
  return `curl ${location.origin}/v1/streams/${stream.name}/records \\\n  -H 'content-type: application/json'${key} \\\n  -d '${record}'`;
}
