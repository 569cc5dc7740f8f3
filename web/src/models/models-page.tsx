import { useState } from 'react';
import type { ModelPlan } from '../../../src/plan/plan.ts';
import { api } from '../api.ts';
import { formatCount, formatDuration, plural, viewerZone } from '../format.ts';
import { usePlan } from '../plan.tsx';
import { asApiError, useResource } from '../resource.ts';
import { useMay } from '../session.tsx';
import { Badge, type Tone } from '../ui/badge.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Field, Select } from '../ui/field.tsx';
import { type Figure, Figures } from '../ui/figures.tsx';
import { Ago, Instant, useNow } from '../ui/instant.tsx';
import { Page } from '../ui/page.tsx';
import { type Problem, Problems } from '../ui/problems.tsx';
import { EmptyState, ErrorState, Skeleton, StaleNote } from '../ui/states.tsx';
import { Table } from '../ui/table.tsx';
import { useToast } from '../ui/toast.tsx';
import {
  loadResults,
  loadRuns,
  type RunAnswer,
  type RunCause,
  type RunState,
  type RunStatus,
} from './model-status.ts';
import styles from './models-page.module.css';

const EVERY_MS = 2000;
const RUNS_SHOWN = 50;

export function ModelsPage() {
  const plan = usePlan();
  const runs = useResource('runs', loadRuns, { everyMs: EVERY_MS });
  const results = useResource('results', loadResults, { everyMs: EVERY_MS });
  const withResult = results.data;
  const error = plan.error ?? runs.error ?? results.error;
  const models = plan.data?.models;
  const isLoaded = models !== undefined && runs.data !== undefined && withResult !== undefined;
  return (
    <Page title="Models" lead="SQL over streams and other models, and when it was last computed">
      {isLoaded && error && <StaleNote error={error} loadedMs={runs.loadedMs} />}
      {isLoaded ? (
        models.map((model) => (
          <ModelCard
            key={model.name}
            model={model}
            latest={runs.data?.find((run) => run.model === model.name)}
            hasResult={withResult?.has(model.name) ?? false}
            onRun={runs.reload}
          />
        ))
      ) : (
        <Card>
          {error ? (
            <ErrorState title="The models could not be read" error={error} onRetry={runs.reload} />
          ) : (
            <Skeleton lines={9} />
          )}
        </Card>
      )}
      {isLoaded && models.length === 0 && (
        <Card>
          <EmptyState title="This pipeline has no model">
            Export one from the pipeline file: <code>model('name', …)</code>.
          </EmptyState>
        </Card>
      )}
      {runs.data && models && models.length > 0 && <Runs runs={runs.data} />}
    </Page>
  );
}

interface ModelCardProps {
  readonly model: ModelPlan;
  readonly latest: RunStatus | undefined;
  /** A run of it has succeeded, however long ago. */
  readonly hasResult: boolean;
  readonly onRun: () => void;
}

function ModelCard({ model, latest, hasResult, onRun }: ModelCardProps) {
  const isView = model.materialize === 'view';
  return (
    <Card
      title={
        <span className={styles['title']}>
          <span className={styles['name']}>{model.name}</span>
          {model.description}
        </span>
      }
      actions={
        isView ? (
          <Badge>view, computed when asked</Badge>
        ) : (
          <div className={styles['actions']}>
            <StateBadge state={latest?.state} />
            <RunButton model={model.name} isRunning={latest?.state === 'running'} onRun={onRun} />
          </div>
        )
      }
    >
      <Problems problems={problemsOf(latest, hasResult)} />
      {!isView && <Figures figures={figuresOf(model, latest)} />}
      {latest && latest.checks.length > 0 && <Checks run={latest} />}
    </Card>
  );
}

const CAUSES: { readonly [C in RunCause]: string } = {
  'on-change': 'inputs changed',
  schedule: 'its schedule',
  manual: 'somebody asked',
  first: 'first run',
};

const STATE_TONES: { readonly [S in RunState]: Tone } = {
  running: 'accent',
  succeeded: 'good',
  failed: 'bad',
  interrupted: 'warn',
};

function StateBadge({ state }: { state: RunState | undefined }) {
  if (state === undefined) return <Badge>never run</Badge>;
  return <Badge tone={STATE_TONES[state]}>{state}</Badge>;
}

interface RunButtonProps {
  readonly model: string;
  readonly isRunning: boolean;
  readonly onRun: () => void;
}

function RunButton({ model, isRunning, onRun }: RunButtonProps) {
  const say = useToast();
  const may = useMay('admin');
  const [isAsked, setAsked] = useState(false);
  const run = async () => {
    setAsked(true);
    try {
      const { state, rows, error, startMs, endMs } = await api<RunAnswer>(
        `/v1/models/${model}/runs`,
        {
          method: 'POST',
        },
      );
      if (state === 'succeeded')
        say(
          `${model}: ${plural(rows ?? 0, 'row')} in ${formatDuration((endMs ?? startMs) - startMs)}.`,
        );
      else say(`${model} failed: ${error}`, 'bad');
    } catch (error) {
      say(`${model} could not be run: ${asApiError(error).message}`, 'bad');
    } finally {
      setAsked(false);
      onRun();
    }
  };
  return (
    <Button
      onClick={run}
      disabled={!may || isAsked || isRunning}
      {...(may ? {} : { title: 'This is for administrators' })}
    >
      {isAsked || isRunning ? 'Running …' : 'Run now'}
      <span className="visually-hidden">{model}</span>
    </Button>
  );
}

function problemsOf(latest: RunStatus | undefined, hasResult: boolean): Problem[] {
  if (latest?.state === 'interrupted')
    return [
      {
        tone: 'warn',
        what: 'The last run was cut off by a stop of the process',
        fix: hasResult
          ? 'The result from before it is still there. Run it now, or wait for its next turn.'
          : 'There is no result yet. Run it now, or wait for its next turn.',
      },
    ];
  if (latest?.state !== 'failed') return [];
  return [
    {
      tone: 'bad',
      what: latest.error ?? 'The last run failed',
      fix: hasResult
        ? 'The result from before it is still there and is what SQL and dashboards show. Correct the model or its inputs, then run it again.'
        : 'It has never succeeded: there is no result yet, SQL that reads it is refused, and dashboards show nothing of it. Correct the model or its inputs, then run it again.',
    },
  ];
}

function figuresOf(model: ModelPlan, latest: RunStatus | undefined): Figure[] {
  return [
    {
      label: 'Last run',
      value: latest ? <Ago ms={latest.startMs} /> : 'never',
      note: latest ? CAUSES[latest.cause] : '',
    },
    {
      label: 'Took',
      value: latest ? <Took run={latest} /> : '–',
    },
    {
      label: 'Rows',
      value: latest?.rows === null || latest === undefined ? '–' : formatCount(latest.rows),
    },
    {
      label: 'Runs',
      value: <span className={styles['schedule']}>{scheduleText(model)}</span>,
      note: /^(on-change|manual)$/.test(model.schedule) ? '' : model.timezone,
    },
  ];
}

function scheduleText({ schedule }: ModelPlan): string {
  if (schedule === 'on-change') return 'when its inputs change';
  return schedule === 'manual' ? 'when asked' : schedule;
}

/** Counts up while the run is under way. */
function Took({ run }: { run: RunStatus }) {
  const now = useNow();
  if (run.durationMs !== null) return formatDuration(run.durationMs);
  return run.state === 'running' ? `${formatDuration(Math.max(0, now - run.startMs))} …` : '–';
}

function Checks({ run }: { run: RunStatus }) {
  return (
    <div className={styles['checks']}>
      <Table
        label={`Checks of ${run.model}`}
        rows={run.checks}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Check', wraps: true, cell: ({ name }) => name },
          {
            title: 'Outcome',
            cell: ({ failures, severity }) =>
              failures === 0 ? (
                <Badge tone="good">holds</Badge>
              ) : (
                <Badge tone={severity === 'error' ? 'bad' : 'warn'}>
                  {plural(failures, 'row breaks', 'rows break')} it
                </Badge>
              ),
          },
          {
            title: 'A row that breaks it',
            wraps: true,
            cell: ({ sample }) =>
              sample === null ? '–' : <code className={styles['sample']}>{sample}</code>,
          },
        ]}
      />
    </div>
  );
}

function Runs({ runs }: { runs: readonly RunStatus[] }) {
  const [model, setModel] = useState('');
  const models = [...new Set(runs.map((run) => run.model))].sort();
  const shown = runs.filter((run) => model === '' || run.model === model).slice(0, RUNS_SHOWN);
  return (
    <Card
      title={`Runs, times in ${viewerZone()}`}
      actions={
        <Field label="Model" isInline>
          <Select value={model} onChange={(event) => setModel(event.target.value)}>
            <option value="">all</option>
            {models.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </Select>
        </Field>
      }
    >
      {shown.length === 0 ? (
        <EmptyState title="No run yet">Models run by themselves, or with “Run now”.</EmptyState>
      ) : (
        <Table
          label="Runs of models"
          rows={shown}
          keyOf={({ id }) => id}
          columns={[
            { title: 'Started', cell: ({ startMs }) => <Instant ms={startMs} /> },
            { title: 'Model', cell: (run) => run.model },
            { title: 'Because', cell: ({ cause }) => CAUSES[cause] },
            { title: 'State', cell: ({ state }) => <StateBadge state={state} /> },
            { title: 'Took', align: 'right', cell: (run) => <Took run={run} /> },
            {
              title: 'Rows',
              align: 'right',
              cell: ({ rows }) => (rows === null ? '–' : formatCount(rows)),
            },
            {
              title: 'Error',
              wraps: true,
              cell: ({ error }) => <span className={styles['error']}>{error ?? ''}</span>,
            },
          ]}
        />
      )}
    </Card>
  );
}
