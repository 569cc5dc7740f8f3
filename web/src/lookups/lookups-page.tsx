import { useState } from 'react';
import { useSearchParams } from 'wouter';
import type { ApiError } from '../api.ts';
import { formatDuration, formatInstant, plural, viewerZone } from '../format.ts';
import { usePlan } from '../plan.tsx';
import { asApiError, useResource } from '../resource.ts';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Code } from '../ui/code.tsx';
import { Page } from '../ui/page.tsx';
import { EmptyState, ErrorState, Skeleton } from '../ui/states.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { useToast } from '../ui/toast.tsx';
import { LookupForm } from './lookup-form.tsx';
import {
  askLookup,
  type LookupAnswer,
  type LookupItem,
  type LookupRequest,
  type LookupShape,
  lookupShape,
} from './lookup-request.ts';
import styles from './lookups-page.module.css';
import { requestCode } from './request-code.ts';

/** Finds entries of a lookup by key; the address holds what is asked, so that a link shows the same. */
export function LookupsPage() {
  const { data: plan, error, reload } = usePlan();
  const [search, setSearch] = useSearchParams();
  const request: LookupRequest = {
    lookup: search.get('lookup') ?? plan?.lookups[0]?.name ?? '',
    key: search.get('key') ?? '',
    parts: search.getAll('part'),
  };
  const isAsked = search.has('key') && request.key !== '';
  const answer = useResource(isAsked ? JSON.stringify(request) : undefined, (signal) =>
    askLookup(request, { signal }),
  );
  const ask = (wanted: LookupRequest) => {
    if (isAsked && JSON.stringify(wanted) === JSON.stringify(request)) return answer.reload();
    setSearch([
      ['lookup', wanted.lookup],
      ['key', wanted.key],
      ...wanted.parts.map((part): [string, string] => ['part', part]),
    ]);
  };
  const shape = plan && lookupShape(plan, request.lookup);
  return (
    <Page title="Lookups" lead="Rows of a stream by their key, answered in microseconds">
      <Card>
        {plan === undefined ? (
          error ? (
            <ErrorState title="The pipeline could not be read" error={error} onRetry={reload} />
          ) : (
            <Skeleton lines={3} />
          )
        ) : plan.lookups.length === 0 ? (
          <EmptyState title="This pipeline has no lookup">
            Export one from the pipeline file: <code>lookup('name', …)</code>.
          </EmptyState>
        ) : (
          <div className={styles['controls']}>
            <LookupForm
              plan={plan}
              request={request}
              error={answer.error}
              onAsk={ask}
              onChoose={(lookup) => setSearch([['lookup', lookup]])}
            />
          </div>
        )}
      </Card>
      {isAsked && shape && (
        <>
          <Result
            key={JSON.stringify(request)}
            shape={shape}
            request={request}
            answer={answer.data}
            error={answer.error}
            onRetry={answer.reload}
          />
          <Request request={request} />
        </>
      )}
    </Page>
  );
}

interface ResultProps {
  readonly shape: LookupShape;
  readonly request: LookupRequest;
  readonly answer: LookupAnswer | undefined;
  readonly error: ApiError | undefined;
  readonly onRetry: () => void;
}

function Result({ shape, request, answer, error, onRetry }: ResultProps) {
  if (error?.code === 'MR_LOOKUP_NO_ENTRY')
    return (
      <Card title="Rows">
        <EmptyState title="No row has this key">
          <p>{error.message} A record that was sent just now is here within a second.</p>
          <Button variant="quiet" onClick={onRetry}>
            Ask again
          </Button>
        </EmptyState>
      </Card>
    );
  if (error)
    return (
      <Card title="Rows">
        <ErrorState title="The lookup refused" error={error} onRetry={onRetry} />
      </Card>
    );
  if (!answer)
    return (
      <Card title="Rows">
        <Skeleton lines={6} />
      </Card>
    );
  return <Rows shape={shape} request={request} first={answer} />;
}

interface RowsProps {
  readonly shape: LookupShape;
  readonly request: LookupRequest;
  readonly first: LookupAnswer;
}

function Rows({ shape, request, first }: RowsProps) {
  const say = useToast();
  const [more, setMore] = useState<readonly LookupAnswer[]>([]);
  const [isLoading, setLoading] = useState(false);
  const pages = [first, ...more];
  const items = pages.flatMap((page) => page.items);
  const cursor = pages.at(-1)?.cursor;
  const loadMore = async () => {
    if (cursor === undefined) return;
    setLoading(true);
    try {
      const next = await askLookup(request, { cursor });
      setMore((before) => [...before, next]);
    } catch (error) {
      say(`No more rows: ${asApiError(error).message}`, 'bad');
    } finally {
      setLoading(false);
    }
  };
  return (
    <Card
      title={`${plural(items.length, 'row')}${cursor === undefined ? '' : ', and more'} · ${formatDuration(first.ms)}`}
    >
      <Tabs
        label="Rows as"
        tabs={[
          { name: 'Table', content: <ItemTable shape={shape} items={items} /> },
          {
            name: 'JSON',
            content: <Code label="JSON" text={JSON.stringify(items, undefined, 2)} />,
          },
        ]}
      />
      {cursor !== undefined && (
        <div className={styles['more']}>
          <Button onClick={loadMore} disabled={isLoading}>
            {isLoading ? 'Loading …' : 'More rows'}
          </Button>
        </div>
      )}
    </Card>
  );
}

const NUMBERS: ReadonlySet<string> = new Set(['int', 'long', 'float', 'double', 'decimal']);

function ItemTable({ shape, items }: { shape: LookupShape; items: readonly LookupItem[] }) {
  const rows = items.map((item, index) => ({ item, key: String(index) }));
  const columns = shape.stream.fields.map(({ name, type }): Column<(typeof rows)[number]> => {
    const isInstant = type.kind === 'timestamptz';
    return {
      title: isInstant ? `${name} (${viewerZone()})` : name,
      align: NUMBERS.has(type.kind) ? 'right' : 'left',
      cell: ({ item }) => valueText(item[name], isInstant),
    };
  });
  return (
    <Table
      label={`Rows of ${shape.lookup.name}`}
      columns={columns}
      rows={rows}
      keyOf={({ key }) => key}
    />
  );
}

/** Values as they were sent; an instant in the viewer's zone, as its column says. */
function valueText(value: unknown, isInstant: boolean) {
  if (value === null || value === undefined) return <span className={styles['null']}>null</span>;
  if (isInstant)
    return <span title={String(value)}>{formatInstant(Date.parse(String(value)))}</span>;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function Request({ request }: { request: LookupRequest }) {
  const { session } = useSession();
  const needsKey = session?.requiresLogin ?? false;
  const code = requestCode({ request, origin: location.origin, needsKey });
  return (
    <Card title="The request that gave them">
      <Tabs
        label="Language"
        tabs={Object.entries(code).map(([name, text]) => ({
          name,
          content: <Code label={name} text={text} />,
        }))}
      />
    </Card>
  );
}
