import { useState } from 'react';
import { plural } from '../format.ts';
import { type Resource, useResource } from '../resource.ts';
import { queryRows, quoteName, type Row } from '../sql-rows.ts';
import { Badge } from '../ui/badge.tsx';
import { Ago } from '../ui/instant.tsx';
import { ErrorState, Skeleton } from '../ui/states.tsx';
import { Table } from '../ui/table.tsx';
import { RedriveButton } from './redrive-button.tsx';
import styles from './streams-page.module.css';

/** Letters of one kind, with the last of them as a sample. */
interface Reason {
  readonly code: string;
  readonly field: string | null;
  readonly count: number;
  readonly lastMs: number | null;
  readonly message: string;
  readonly record: string;
}

const REASONS_MAX = 50;

const reasonsSql = (stream: string): string => `
select code, field, count(*) as letters, max(_arrived_at) as last_at, arg_max(message, _sequence_number) as message,
  arg_max(coalesce(record, 'base64: ' || to_base64(bytes)), _sequence_number) as record
from deadletters.${quoteName(stream)} group by code, field order by letters desc limit ${REASONS_MAX}`;

const reasonOf = (row: Row): Reason => ({
  code: row.text('code'),
  field: row.textOrNull('field'),
  count: row.number('letters'),
  lastMs: row.instant('last_at'),
  message: row.text('message'),
  record: row.text('record'),
});

/** Why records of a stream were refused, counted, each reason with a sample. */
export function DeadLetters({ stream, count }: { stream: string; count: number }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className={styles['letters']} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span>{plural(count, 'dead letter')}</span>
        <Badge tone="warn">refused records, kept with their reason</Badge>
      </summary>
      {isOpen && <Reasons stream={stream} count={count} />}
    </details>
  );
}

function Reasons({ stream, count }: { stream: string; count: number }) {
  const reasons = useReasons(stream, count);
  if (reasons.data)
    return <ReasonTable stream={stream} reasons={reasons.data} onRedriven={reasons.reload} />;
  if (reasons.error)
    return (
      <ErrorState
        title="The dead letters could not be read"
        error={reasons.error}
        onRetry={reasons.reload}
      />
    );
  return <Skeleton lines={3} />;
}

/** Asked again when there are more; what was there stays meanwhile. */
function useReasons(stream: string, count: number): Resource<readonly Reason[]> {
  const [last, setLast] = useState<readonly Reason[]>();
  const reasons = useResource(`letters ${stream} ${count}`, async (signal) =>
    (await queryRows(reasonsSql(stream), signal)).map(reasonOf),
  );
  if (reasons.data && reasons.data !== last) setLast(reasons.data);
  return { ...reasons, data: reasons.data ?? last };
}

interface ReasonTableProps {
  readonly stream: string;
  readonly reasons: readonly Reason[];
  readonly onRedriven: () => void;
}

const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The letters of a reason, as SQL. */
const lettersOf = ({ code, field }: Reason): string =>
  `code = ${quoteText(code)} and field is not distinct from ${field === null ? 'null' : quoteText(field)}`;

function ReasonTable({ stream, reasons, onRedriven }: ReasonTableProps) {
  return (
    <>
      <Table
        label={`Dead letters of ${stream} by reason`}
        rows={reasons}
        keyOf={({ code, field }) => `${code} ${field}`}
        columns={[
          { title: 'Reason', cell: ({ code }) => <code>{code}</code> },
          { title: 'Field', cell: ({ field }) => field ?? '–' },
          { title: 'Letters', align: 'right', cell: ({ count }) => count.toLocaleString() },
          {
            title: 'Last',
            align: 'right',
            cell: ({ lastMs }) => (lastMs === null ? '–' : <Ago ms={lastMs} />),
          },
          {
            title: 'After a fix',
            cell: (reason) => (
              <RedriveButton
                stream={stream}
                where={lettersOf(reason)}
                which={`${reason.code} ${reason.field ?? ''}`}
                onDone={onRedriven}
              />
            ),
          },
          {
            title: 'Sample: what was wrong, and the record',
            wraps: true,
            cell: ({ message, record }) => (
              <div className={styles['sample']}>
                <span>{message}</span>
                <code>{record}</code>
              </div>
            ),
          },
        ]}
      />
      <p className={styles['hint']}>
        All of them: <code>select * from deadletters.{stream}</code> · sent again with{' '}
        <code>millrace redrive {stream}</code>
      </p>
    </>
  );
}
