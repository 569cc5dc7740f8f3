import { queryRows, type Row } from '../sql-rows.ts';

export type RunCause = 'schedule' | 'on-change' | 'manual' | 'first';
export type RunState = 'running' | 'succeeded' | 'failed' | 'interrupted';

/** What `POST /v1/models/{model}/runs` answers. */
export interface RunAnswer {
  readonly state: RunState;
  readonly startMs: number;
  readonly endMs: number | null;
  readonly rows: number | null;
  readonly error: string | null;
}

/** An execution of a model, with the outcome of its checks. */
export interface RunStatus {
  readonly id: string;
  readonly model: string;
  readonly cause: RunCause;
  readonly state: RunState;
  readonly startMs: number;
  readonly durationMs: number | null;
  readonly rows: number | null;
  readonly error: string | null;
  readonly checks: readonly CheckStatus[];
}

export interface CheckStatus {
  readonly name: string;
  readonly severity: 'error' | 'warn';
  readonly failures: number;
  /** A row that breaks the rule, as JSON. */
  readonly sample: string | null;
}

/** As many runs as are shown; with the latest of each model, however long ago. */
const RUNS_SHOWN = 200;

const SQL = `
select r.*, c.checks from (
  select *, row_number() over (order by started_at desc) as place, row_number() over (partition by model order by started_at desc) as turn
  from sys.runs) r
left join (
  select run_id, list({name: check_name, severity: severity, failures: failures, sample: sample} order by check_name) as checks
  from sys.checks group by run_id) c on c.run_id = r.id
where r.place <= ${RUNS_SHOWN} or r.turn = 1
order by r.started_at desc`;

/** Newest first. */
export async function loadRuns(signal: AbortSignal): Promise<readonly RunStatus[]> {
  return (await queryRows(SQL, signal)).map(runOf);
}

/** Names of the models that have a result: their table has been written. */
export async function loadResults(signal: AbortSignal): Promise<ReadonlySet<string>> {
  const rows = await queryRows('select distinct table_name from sys.snapshots', signal);
  return new Set(rows.map((row) => row.text('table_name').replace(/^warehouse\./, '')));
}

function runOf(row: Row): RunStatus {
  return {
    id: row.text('id'),
    model: row.text('model'),
    cause: row.text('cause') as RunCause,
    state: row.text('state') as RunState,
    startMs: row.instant('started_at') ?? 0,
    durationMs: row.numberOrNull('duration_ms'),
    rows: row.numberOrNull('rows'),
    error: row.textOrNull('error'),
    checks: row.rows('checks').map((check) => ({
      name: check.text('name'),
      severity: check.text('severity') === 'warn' ? 'warn' : 'error',
      failures: check.number('failures'),
      sample: check.textOrNull('sample'),
    })),
  };
}
