import type { Plan } from '../../../src/plan/plan.ts';
import { queryRows, type Row } from '../sql-rows.ts';

/** What `sys` says of a stream. */
export interface StreamStatus {
  readonly name: string;
  readonly shards: number;
  readonly records: number;
  readonly bytes: number;
  readonly segments: number;
  readonly nextSequence: number;
  readonly lastAppendMs: number | null;
  readonly deadLetters: number;
  readonly damaged: readonly string[];
  readonly delivery: DeliveryStatus | null;
  readonly readers: readonly ReaderStatus[];
}

export interface DeliveryStatus {
  readonly target: string;
  readonly lag: number;
  readonly lastMs: number | null;
  readonly lastRows: number | null;
  readonly lastDurationMs: number | null;
  readonly waitingSinceMs: number | null;
  readonly error: string | null;
  readonly tableBytes: number | null;
  readonly tableFiles: number | null;
}

/** A consumer: it reads the stream in order and keeps its place. */
export interface ReaderStatus {
  readonly name: string;
  readonly next: number;
  readonly lag: number;
}

/** All streams at one moment. */
export interface StreamsAt {
  readonly atMs: number;
  readonly streams: readonly StreamStatus[];
}

const SQL = `
select s.name, s.shards, s.records, s.bytes, s.segments, s.next_sequence_number, s.last_append_at, s.dead_letters, s.damaged,
  d.target, d.lag, d.last_at, d.last_rows, d.last_duration_ms, d.waiting_since, d.error, t.total_bytes, t.total_files,
  (select list({name: c.consumer, next: c.next_sequence_number, lag: c.lag} order by c.consumer)
   from sys.consumers c where c.stream = s.name) as readers
from sys.streams s
left join sys.deliveries d on d.stream = s.name and d.target = 'lake.' || s.name
left join (select table_name, arg_max(total_bytes, committed_at) as total_bytes, arg_max(total_files, committed_at) as total_files
           from sys.snapshots group by table_name) t on t.table_name = d.target`;

export async function loadStreams(signal: AbortSignal): Promise<StreamsAt> {
  const rows = await queryRows(SQL, signal);
  return { atMs: Date.now(), streams: rows.map(streamOf) };
}

function streamOf(row: Row): StreamStatus {
  return {
    name: row.text('name'),
    shards: row.number('shards'),
    records: row.number('records'),
    bytes: row.number('bytes'),
    segments: row.number('segments'),
    nextSequence: row.number('next_sequence_number'),
    lastAppendMs: row.instant('last_append_at'),
    deadLetters: row.number('dead_letters'),
    damaged: row.list('damaged').map(String),
    delivery: row.textOrNull('target') === null ? null : deliveryOf(row),
    readers: row.rows('readers').map((reader) => ({
      name: reader.text('name'),
      next: reader.number('next'),
      lag: reader.number('lag'),
    })),
  };
}

function deliveryOf(row: Row): DeliveryStatus {
  return {
    target: row.text('target'),
    lag: row.number('lag'),
    lastMs: row.instant('last_at'),
    lastRows: row.numberOrNull('last_rows'),
    lastDurationMs: row.numberOrNull('last_duration_ms'),
    waitingSinceMs: row.instant('waiting_since'),
    error: row.textOrNull('error'),
    tableBytes: row.numberOrNull('total_bytes'),
    tableFiles: row.numberOrNull('total_files'),
  };
}

/** How often a stream's records are delivered; undefined where it has no table. */
export function deliveryInterval(plan: Plan | undefined, stream: string): number | undefined {
  const table = plan?.streams.find(({ name }) => name === stream)?.table;
  return table ? table.everyMs : undefined;
}
