import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { formatDuration, plural } from '../format.ts';
import { usePlan } from '../plan.tsx';
import { useResource } from '../resource.ts';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { usePageTitle } from '../ui/page.tsx';
import { EmptyState } from '../ui/states.tsx';
import { createEditor, type SqlEditor } from './create-editor.ts';
import { Downloads } from './download.tsx';
import { type PlacedError, placedError, placeText } from './error-place.ts';
import { keepQuery, lastQuery, linkedQuery } from './last-query.ts';
import { RelationList } from './relation-list.tsx';
import { loadFilled, loadRelations, type Relation, relationText } from './relations.ts';
import { ResultGrid } from './result-grid.tsx';
import styles from './sql-page.module.css';
import { type QueryState, useQuery } from './use-query.ts';

/** One SELECT, its result, and the tables there are. */
export function SqlPage() {
  usePageTitle('SQL');
  const { data: plan } = usePlan();
  // Another pipeline has other tables.
  const relations = useResource(plan && `relations ${JSON.stringify(plan)}`, loadRelations);
  const filled = useResource(plan && `filled ${JSON.stringify(plan)}`, loadFilled);
  const query = useQuery();
  const [problem, setProblem] = useState<PlacedError>();
  const editor = useRef<SqlEditor>(undefined);
  const run = async () => {
    if (!editor.current) return;
    const statement = editor.current.statement();
    editor.current.clearMarks();
    setProblem(undefined);
    keepQuery(editor.current.text());
    const error = await query.run(statement.sql);
    if (!error) return;
    const placed = placedError(error, statement);
    setProblem(placed);
    if (placed.index !== undefined) editor.current?.mark(placed.index, placed.message);
  };
  return (
    <div className={styles['page']} data-wide>
      {/* The page is a tool without room for a title; it is there for who jumps from heading to heading. */}
      <h1 className="visually-hidden">SQL</h1>
      <aside className={styles['side']} aria-label="Tables">
        <TableList relations={relations} onInsert={(text) => editor.current?.insert(text)} />
      </aside>
      <div className={styles['work']}>
        <Card>
          <Editor
            editor={editor}
            relations={relations.data ?? []}
            onRun={run}
            example={filled.data && exampleOf(relations.data, filled.data)}
          />
          <Controls state={query.state} onRun={run} onCancel={query.cancel} />
        </Card>
        <section className={styles['result']} aria-label="Result of the query">
          <Outcome
            state={query.state}
            problem={problem}
            text={() => editor.current?.text() ?? ''}
            onGo={() => editor.current?.focus()}
          />
        </section>
      </div>
    </div>
  );
}

/** On a phone it is folded in, to leave the room to the editor. */
function TableList(props: Parameters<typeof RelationList>[0]) {
  const [isOpen, setOpen] = useState(() => matchMedia('(width >= 64rem)').matches);
  return (
    <details
      className={styles['tables']}
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>Tables</summary>
      <RelationList {...props} />
    </details>
  );
}

/** What a first visit finds in the editor: a stream that has records, where there is one. */
function exampleOf(
  relations: readonly Relation[] | undefined,
  filled: ReadonlySet<string>,
): string | undefined {
  const streams = relations?.filter(({ schema }) => schema === 'lake') ?? [];
  const first = streams.find(({ name }) => filled.has(name)) ?? streams[0] ?? relations?.[0];
  return first && `select *\nfrom ${relationText(first)}\nlimit 100`;
}

interface EditorProps {
  readonly editor: { current: SqlEditor | undefined };
  readonly relations: readonly Relation[];
  readonly example: string | undefined;
  readonly onRun: () => void;
}

function Editor({ editor, relations, example, onRun }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const known = useRef(relations);
  useEffect(() => {
    known.current = relations;
  }, [relations]);
  const runNow = useEffectEvent(onRun);
  useEffect(() => {
    if (!host.current) return;
    const made = createEditor(host.current, {
      text: lastQuery() ?? '',
      relations: () => known.current,
      onRun: () => runNow(),
    });
    editor.current = made;
    const followed = () => {
      const linked = linkedQuery();
      if (linked !== undefined && linked !== made.text()) made.replace(linked);
    };
    window.addEventListener('hashchange', followed);
    return () => {
      window.removeEventListener('hashchange', followed);
      made.destroy();
      editor.current = undefined;
    };
  }, [editor]);
  useEffect(() => {
    if (example !== undefined && editor.current?.text() === '') editor.current.replace(example);
  }, [example, editor]);
  return <div ref={host} className={styles['editor']} />;
}

interface ControlsProps {
  readonly state: QueryState;
  readonly onRun: () => void;
  readonly onCancel: () => void;
}

function Controls({ state, onRun, onCancel }: ControlsProps) {
  return (
    <div className={styles['controls']}>
      <Button variant="primary" onClick={onRun}>
        Run
      </Button>
      <Button onClick={onCancel} disabled={state.kind !== 'running'}>
        Cancel
      </Button>
      <span className={styles['keys']}>
        <kbd>Ctrl</kbd> <kbd>Enter</kbd>
      </span>
      <span className={styles['status']} role="status">
        {statusText(state)}
      </span>
      {state.kind === 'answered' && <Downloads sql={state.sql} />}
    </div>
  );
}

function statusText(state: QueryState): string {
  switch (state.kind) {
    case 'running':
      return 'Running …';
    case 'answered':
      return `${plural(state.result.rowCount, 'row')} · ${formatDuration(state.ms)}`;
    case 'cancelled':
      return `Cancelled after ${formatDuration(state.ms)}`;
    case 'refused':
      return 'Refused';
    case 'none':
      return '';
  }
}

interface OutcomeProps {
  readonly state: QueryState;
  readonly problem: PlacedError | undefined;
  readonly text: () => string;
  readonly onGo: () => void;
}

function Outcome({ state, problem, text, onGo }: OutcomeProps) {
  if (state.kind === 'refused')
    return (
      <div className={styles['error']} role="alert">
        <p className={styles['message']}>{problem?.message ?? state.error.message}</p>
        {problem?.hint !== undefined && <pre className={styles['hint']}>{problem.hint}</pre>}
        <p className={styles['place']}>
          <code>{state.error.code}</code>
          {problem?.index !== undefined && (
            <Button variant="quiet" onClick={onGo}>
              {placeText(text(), problem.index)}
            </Button>
          )}
        </p>
      </div>
    );
  if (state.kind === 'answered')
    return state.result.rowCount === 0 ? (
      <EmptyState title="The query gives no row">
        Its columns are {state.result.columns.map(({ name }) => name).join(', ')}.
      </EmptyState>
    ) : (
      <ResultGrid key={state.sql} result={state.result} />
    );
  if (state.kind === 'running') return <EmptyState title="Running …" />;
  return (
    <EmptyState
      title={state.kind === 'cancelled' ? 'The query was cancelled' : 'Nothing was asked yet'}
    >
      One SELECT over the tables at the side. Every record that was acknowledged is in the answer.
    </EmptyState>
  );
}
