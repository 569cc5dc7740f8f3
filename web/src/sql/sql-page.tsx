import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { formatDuration, plural } from '../format.ts';
import { usePlan } from '../plan.tsx';
import { useResource } from '../resource.ts';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { usePageTitle } from '../ui/page.tsx';
import { EmptyState } from '../ui/states.tsx';
import { type Tab, Tabs } from '../ui/tabs.tsx';
import { createEditor, type SqlEditor } from './create-editor.ts';
import { Downloads } from './download.tsx';
import { type PlacedError, placedError, placeText } from './error-place.ts';
import { QueryHistory, SavedQueries } from './kept-queries.tsx';
import { keepQuery, lastQuery, linkedQuery, linkQuery } from './last-query.ts';
import { ParameterFields } from './parameter-fields.tsx';
import { RelationList } from './relation-list.tsx';
import { loadFilled, loadRelations, type Relation, relationText } from './relations.ts';
import { ResultView } from './result-view.tsx';
import styles from './sql-page.module.css';
import { useParameters } from './use-parameters.ts';
import { type Queries, type QueryState, useQueries } from './use-queries.ts';

/** Statements, their results, the tables there are, and what was asked before. */
export function SqlPage() {
  usePageTitle('SQL');
  const { data: plan } = usePlan();
  // Another pipeline has other tables.
  const relations = useResource(plan && `relations ${JSON.stringify(plan)}`, loadRelations);
  const filled = useResource(plan && `filled ${JSON.stringify(plan)}`, loadFilled);
  const queries = useQueries();
  const [problem, setProblem] = useState<PlacedError>();
  const parameters = useParameters();
  const editor = useRef<SqlEditor>(undefined);
  const run = async (change = (sql: string) => sql) => {
    if (!editor.current) return;
    const statements = editor.current.statements();
    editor.current.clearMarks();
    setProblem(undefined);
    linkQuery(editor.current.text());
    const changed = statements.map(({ sql, from }) => {
      const asked = change(sql);
      // Places in errors are those of what was asked.
      return { sql: asked, from: from - (asked.length - sql.length), params: parameters.of(sql) };
    });
    const refused = await queries.run(changed);
    if (!refused) return;
    const placed = placedError(refused.error, refused.statement);
    setProblem(placed);
    if (placed.index !== undefined) editor.current?.mark(placed.index, placed.message);
  };
  const explain = () => run((sql) => (/^\s*explain\b/i.test(sql) ? sql : `explain analyze ${sql}`));
  return (
    <div className={styles['page']} data-wide>
      {/* The page is a tool without room for a title; it is there for who jumps from heading to heading. */}
      <h1 className="visually-hidden">SQL</h1>
      <aside className={styles['side']} aria-label="Tables and queries">
        <Side relations={relations} queries={queries} editor={editor} />
      </aside>
      <div className={styles['work']}>
        <Card>
          <Editor
            editor={editor}
            relations={relations.data ?? []}
            onRun={() => run()}
            onText={parameters.look}
            example={filled.data && exampleOf(relations.data, filled.data)}
          />
          <ParameterFields parameters={parameters} onRun={() => run()} />
          <Controls queries={queries} onRun={() => run()} onExplain={explain} />
        </Card>
        <section className={styles['result']} aria-label="Result of the query">
          <Outcomes
            states={queries.states}
            problem={problem}
            text={() => editor.current?.text() ?? ''}
            onGo={() => editor.current?.focus()}
          />
        </section>
      </div>
    </div>
  );
}

interface SideProps {
  readonly relations: Parameters<typeof RelationList>[0]['relations'];
  readonly queries: Queries;
  readonly editor: { current: SqlEditor | undefined };
}

/** What there is to ask for, what was asked, and what is kept. On a phone it is folded in, to leave the room to the editor. */
function Side({ relations, queries, editor }: SideProps) {
  const [isOpen, setOpen] = useState(() => matchMedia('(width >= 64rem)').matches);
  const insert = (text: string) => editor.current?.insert(text);
  const choose = (sql: string) => editor.current?.replace(sql);
  // The list is another one once a query has begun or ended.
  const turn = queries.states.map(({ kind }) => kind).join();
  const tabs = [
    { name: 'Tables', content: <RelationList relations={relations} onInsert={insert} /> },
    { name: 'History', content: <QueryHistory turn={turn} onChoose={choose} /> },
    {
      name: 'Saved',
      content: <SavedQueries onChoose={choose} text={() => editor.current?.text() ?? ''} />,
    },
  ];
  return (
    <details
      className={styles['tables']}
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>Tables and queries</summary>
      <Tabs label="Tables and queries" tabs={tabs} />
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
  readonly onText: (text: string) => void;
}

function Editor({ editor, relations, example, onRun, onText }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const known = useRef(relations);
  useEffect(() => {
    known.current = relations;
  }, [relations]);
  const runNow = useEffectEvent(onRun);
  const isExample = useRef(false);
  const changed = useEffectEvent((text: string) => {
    // Another pipeline has another example.
    if (!isExample.current) keepQuery(text);
    onText(text);
  });
  const begun = useEffectEvent(onText);
  useEffect(() => {
    if (!host.current) return;
    const made = createEditor(host.current, {
      text: lastQuery() ?? '',
      relations: () => known.current,
      onRun: () => runNow(),
      onText: (text) => changed(text),
    });
    editor.current = made;
    begun(made.text());
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
    if (example === undefined || editor.current?.text() !== '') return;
    isExample.current = true;
    editor.current.replace(example);
    isExample.current = false;
  }, [example, editor]);
  return <div ref={host} className={styles['editor']} />;
}

interface ControlsProps {
  readonly queries: Queries;
  readonly onRun: () => void;
  readonly onExplain: () => void;
}

function Controls({ queries: { states, isRunning, cancel }, onRun, onExplain }: ControlsProps) {
  const [only] = states;
  return (
    <div className={styles['controls']}>
      <Button variant="primary" onClick={onRun}>
        Run
      </Button>
      <Button onClick={cancel} disabled={!isRunning}>
        Cancel
      </Button>
      <Button onClick={onExplain} title="Run it, and show what each step took">
        Explain
      </Button>
      <span className={styles['keys']}>
        <kbd>Ctrl</kbd> <kbd>Enter</kbd>
      </span>
      <span className={styles['status']} role="status">
        {states.length > 1 ? statusOfAll(states) : only && statusText(only)}
      </span>
      {states.length === 1 && only?.kind === 'answered' && (
        <Downloads statement={only.statement} result={only.result} />
      )}
    </div>
  );
}

function statusOfAll(states: readonly QueryState[]): string {
  const count = (kind: QueryState['kind']) => states.filter((state) => state.kind === kind).length;
  const parts = [
    `${count('answered')} of ${plural(states.length, 'statement')} answered`,
    count('refused') > 0 ? '1 refused' : '',
    count('skipped') > 0 ? `${count('skipped')} not run` : '',
  ];
  return `${parts.filter((part) => part !== '').join(', ')}${count('running') > 0 ? ' …' : ''}`;
}

function statusText(state: QueryState): string {
  switch (state.kind) {
    case 'waiting':
    case 'running':
      return 'Running …';
    case 'answered':
      return `${plural(state.result.rowCount, 'row')} · ${formatDuration(state.ms)}`;
    case 'cancelled':
      return `Cancelled after ${formatDuration(state.ms)}`;
    case 'refused':
      return 'Refused';
    case 'skipped':
      return 'Not run';
  }
}

const WITHOUT_RESULT = {
  waiting: 'Running …',
  running: 'Running …',
  cancelled: 'The query was cancelled',
  skipped: 'Not run, as one before it was not answered',
} as const;

interface OutcomeProps {
  readonly problem: PlacedError | undefined;
  readonly text: () => string;
  readonly onGo: () => void;
}

/** One result as it is, several as tabs. */
function Outcomes({ states, ...rest }: OutcomeProps & { states: readonly QueryState[] }) {
  const [only] = states;
  if (!only)
    return (
      <EmptyState title="Nothing was asked yet">
        SELECTs over the tables at the side. Every record that was acknowledged is in the answer.
      </EmptyState>
    );
  if (states.length === 1) return <Outcome state={only} {...rest} />;
  const tabs = states.map((state, index) => ({
    name: `${index + 1}: ${statusText(state)}`,
    content: (
      <>
        {state.kind === 'answered' && (
          <Downloads statement={state.statement} result={state.result} />
        )}
        <Outcome state={state} {...rest} />
      </>
    ),
  }));
  return <ResultTabs tabs={tabs} refused={states.findIndex(({ kind }) => kind === 'refused')} />;
}

/** What was refused is what to look at, until somebody looks elsewhere. */
function ResultTabs({ tabs, refused }: { tabs: readonly Tab[]; refused: number }) {
  const [chosen, choose] = useState<number>();
  const shown = chosen ?? Math.max(0, refused);
  return <Tabs label="Results" tabs={tabs} shown={shown} onShow={choose} fills />;
}

function Outcome({ state, problem, text, onGo }: OutcomeProps & { state: QueryState }) {
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
  // Another statement is looked at from its beginning, and so are other columns.
  if (state.kind === 'answered') return <ResultView key={viewKey(state)} result={state.result} />;
  return <EmptyState title={WITHOUT_RESULT[state.kind]} />;
}

function viewKey({ statement, result }: Extract<QueryState, { kind: 'answered' }>): string {
  const columns = result.columns.map(({ name, type }) => `${name} ${type}`);
  return JSON.stringify([statement.sql, columns]);
}
