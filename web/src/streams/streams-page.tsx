import { useState } from 'react';
import { formatBytes, formatCount, formatDuration, formatRate, plural } from '../format.ts';
import { usePlan } from '../plan.tsx';
import { useResource } from '../resource.ts';
import { Badge } from '../ui/badge.tsx';
import { Card } from '../ui/card.tsx';
import { type Figure, Figures } from '../ui/figures.tsx';
import { Ago, useNow } from '../ui/instant.tsx';
import { Page } from '../ui/page.tsx';
import { type Problem, Problems } from '../ui/problems.tsx';
import { Sparkline } from '../ui/sparkline.tsx';
import { EmptyState, ErrorState, Skeleton, StaleNote } from '../ui/states.tsx';
import { Table } from '../ui/table.tsx';
import { DeadLetters } from './dead-letters.tsx';
import { problemsOf } from './stream-health.ts';
import { HISTORY_LENGTH, type History, ratesOf, withMoment } from './stream-history.ts';
import { deliveryInterval, loadStreams, type StreamStatus } from './stream-status.ts';
import styles from './streams-page.module.css';

const EVERY_MS = 2000;

export function StreamsPage() {
  const { data, error, loadedMs, reload } = useResource('streams', loadStreams, {
    everyMs: EVERY_MS,
  });
  const { data: plan } = usePlan();
  const nowMs = useNow();
  const [history, setHistory] = useState<History>([]);
  if (data && data !== history.at(-1)) setHistory(withMoment(history, data));
  const judged = (data?.streams ?? []).map((stream) => {
    const everyMs = deliveryInterval(plan, stream.name);
    return { stream, everyMs, problems: problemsOf(stream, { history, everyMs, nowMs }) };
  });
  const isOld = error !== undefined;
  const troubled = judged.filter(({ problems }) => problems.length > 0).length;
  return (
    <Page
      title="Streams"
      lead={data ? leadOf({ streams: data.streams.length, troubled, isOld }) : LEAD}
    >
      {data && error && <StaleNote error={error} loadedMs={loadedMs} />}
      {judged.map(({ stream, everyMs, problems }) => (
        <StreamCard
          key={stream.name}
          stream={stream}
          everyMs={everyMs}
          problems={problems}
          isOld={isOld}
          rates={ratesOf(history, stream.name)}
          description={plan?.streams.find(({ name }) => name === stream.name)?.description}
        />
      ))}
      {(data === undefined || data.streams.length === 0) && (
        <Card>
          {data ? (
            <EmptyState title="This pipeline has no stream">
              Export one from the pipeline file: <code>stream('name', …)</code>.
            </EmptyState>
          ) : error ? (
            <ErrorState title="The streams could not be read" error={error} onRetry={reload} />
          ) : (
            <Skeleton lines={9} />
          )}
        </Card>
      )}
    </Page>
  );
}

const LEAD = 'What comes in, and how far it has come';

interface LeadOptions {
  readonly streams: number;
  readonly troubled: number;
  /** What is known is from before: nothing can be said of now. */
  readonly isOld: boolean;
}

function leadOf({ streams, troubled, isOld }: LeadOptions): string {
  const count = plural(streams, 'stream');
  if (isOld) return `${count} as they were when the pipeline last answered.`;
  const health = troubled === 0 ? 'all healthy' : `${troubled} of them in need of attention`;
  return `${count}, ${health}. Refreshed every 2 seconds.`;
}

interface StreamCardProps {
  readonly stream: StreamStatus;
  readonly everyMs: number | undefined;
  readonly problems: readonly Problem[];
  readonly isOld: boolean;
  readonly rates: readonly number[];
  readonly description: string | undefined;
}

function StreamCard({ stream, everyMs, problems, isOld, rates, description }: StreamCardProps) {
  return (
    <Card
      title={
        <span className={styles['title']}>
          <span className={styles['name']}>{stream.name}</span>
          {description}
        </span>
      }
      actions={<Health isOld={isOld} isTroubled={problems.length > 0} />}
    >
      <Problems problems={problems} />
      <Figures figures={figuresOf({ stream, everyMs, rates, isStuck: problems.length > 0 })} />
      <Readers stream={stream} />
      {stream.deadLetters > 0 && <DeadLetters stream={stream.name} count={stream.deadLetters} />}
    </Card>
  );
}

function Health({ isOld, isTroubled }: { isOld: boolean; isTroubled: boolean }) {
  if (isOld) return <Badge>not known</Badge>;
  return isTroubled ? (
    <Badge tone="bad">needs attention</Badge>
  ) : (
    <Badge tone="good">healthy</Badge>
  );
}

interface FigureOptions {
  readonly stream: StreamStatus;
  readonly everyMs: number | undefined;
  readonly rates: readonly number[];
  readonly isStuck: boolean;
}

function figuresOf({ stream, everyMs, rates, isStuck }: FigureOptions): Figure[] {
  const { delivery } = stream;
  return [
    {
      label: 'Records per second',
      value: (
        <>
          <span className={styles['rate']}>
            {rates.length === 0 ? '–' : formatRate(rates.at(-1) ?? 0)}
          </span>
          <Sparkline
            values={rates}
            length={HISTORY_LENGTH - 1}
            label="Records per second in the last two minutes"
          />
        </>
      ),
      note:
        stream.lastAppendMs === null ? (
          'no record yet'
        ) : (
          <>
            last record <Ago ms={stream.lastAppendMs} />
          </>
        ),
    },
    {
      label: 'Records in the log',
      value: formatCount(stream.records),
      note: plural(stream.shards, 'shard'),
    },
    ...(delivery
      ? [
          {
            label: 'Waiting for delivery',
            value: formatCount(delivery.lag),
            note: everyMs === undefined ? '' : `delivered every ${formatDuration(everyMs)}`,
            tone: isStuck && delivery.lag > 0 ? ('bad' as const) : ('neutral' as const),
          },
          {
            label: 'Last delivery',
            value: delivery.lastMs === null ? 'none yet' : <Ago ms={delivery.lastMs} />,
            note:
              delivery.lastRows === null
                ? 'since the start'
                : `${plural(delivery.lastRows, 'row')} in ${formatDuration(delivery.lastDurationMs ?? 0)}`,
          },
        ]
      : [{ label: 'Table', value: 'none', note: 'table: false' }]),
    {
      label: 'Log on disk',
      value: formatBytes(stream.bytes),
      note: plural(stream.segments, 'segment'),
    },
    ...(delivery
      ? [
          {
            label: `${delivery.target} on disk`,
            value: formatBytes(delivery.tableBytes ?? 0),
            note: plural(delivery.tableFiles ?? 0, 'file'),
          },
        ]
      : []),
  ];
}

const READER_NAMES: { readonly [name: string]: string } = {
  table: 'Delivery to the table',
  lookups: 'Lookups',
};

function Readers({ stream }: { stream: StreamStatus }) {
  if (stream.readers.length === 0) return null;
  return (
    <div className={styles['readers']}>
      <Table
        label={`Readers of ${stream.name}`}
        rows={stream.readers}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Reader', cell: ({ name }) => READER_NAMES[name] ?? name },
          { title: 'Next sequence number', align: 'right', cell: ({ next }) => formatCount(next) },
          { title: 'Records behind', align: 'right', cell: ({ lag }) => formatCount(lag) },
        ]}
      />
    </div>
  );
}
