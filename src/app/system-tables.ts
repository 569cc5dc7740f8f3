import { LIMITS } from '../core/limits.ts';
import type { SystemTable } from '../engine/protocol.ts';
import { partitionText, type ScanFile } from '../lake/iceberg/live-files.ts';
import { localPath } from '../lake/location.ts';
import { lakeTables } from './lake-tables.ts';
import { foreignRelations, pipelineRelations } from './relation-columns.ts';
import type { Runtime } from './runtime.ts';

/** `sys.*`: what the process knows of itself, as tables. Times are instants. */
type Columns = readonly (readonly [name: string, type: string])[];
type Rows = readonly (readonly unknown[])[];
interface Definition {
  readonly columns: Columns;
  rows(runtime: Runtime): Rows | Promise<Rows>;
}

const instant = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString();

const DEFINITIONS: { readonly [name: string]: Definition } = {
  streams: {
    columns: [
      ['name', 'VARCHAR'],
      ['shards', 'INTEGER'],
      ['records', 'BIGINT'],
      ['bytes', 'BIGINT'],
      ['segments', 'INTEGER'],
      ['first_sequence_number', 'BIGINT'],
      ['next_sequence_number', 'BIGINT'],
      ['last_append_at', 'TIMESTAMPTZ'],
      ['undelivered', 'BIGINT'],
      ['dead_letters', 'BIGINT'],
      ['damaged', 'VARCHAR[]'],
      ['raw_segments', 'INTEGER'],
      ['raw_bytes', 'BIGINT'],
    ],
    rows: (runtime) =>
      [...runtime.streams.values()].map(({ plan, log, letters, delivery }) => {
        const status = log.status();
        return [
          plan.name,
          log.routing.open.length,
          status.records,
          status.bytes,
          status.segments,
          status.firstSequence,
          status.nextSequence,
          instant(status.lastAppendMs),
          delivery?.status().lag ?? null,
          letters?.outstanding ?? 0,
          status.damaged,
          status.raw?.segments ?? null,
          status.raw?.bytes ?? null,
        ];
      }),
  },
  shards: {
    columns: [
      ['stream', 'VARCHAR'],
      ['shard', 'INTEGER'],
      ['state', 'VARCHAR'],
      ['hash_from', 'VARCHAR'],
      ['hash_last', 'VARCHAR'],
      ['parents', 'INTEGER[]'],
      ['opened_at_sequence_number', 'BIGINT'],
      ['closed_at_sequence_number', 'BIGINT'],
    ],
    rows: (runtime) =>
      [...runtime.streams.values()].flatMap(({ plan, log }) =>
        log.shards.map((shard) => [
          plan.name,
          shard.id,
          shard.closedAt === null ? 'open' : 'closed',
          String(shard.hashFrom),
          String(shard.hashLast),
          shard.parents,
          shard.openedAt,
          shard.closedAt,
        ]),
      ),
  },
  consumers: {
    columns: [
      ['stream', 'VARCHAR'],
      ['consumer', 'VARCHAR'],
      ['named', 'BOOLEAN'],
      ['next_sequence_number', 'BIGINT'],
      ['lag', 'BIGINT'],
      ['held_bytes', 'BIGINT'],
    ],
    rows: (runtime) =>
      [...runtime.streams.values()].flatMap(({ plan, log }) => {
        const { held } = log.status();
        return [...log.consumers].map(([name, next]) => [
          plan.name,
          name,
          log.namedConsumers.has(name),
          next,
          log.nextSequence - next,
          held?.consumer === name ? held.bytes : 0,
        ]);
      }),
  },
  deliveries: {
    columns: [
      ['stream', 'VARCHAR'],
      ['target', 'VARCHAR'],
      ['next_sequence_number', 'BIGINT'],
      ['lag', 'BIGINT'],
      ['deliveries', 'BIGINT'],
      ['last_at', 'TIMESTAMPTZ'],
      ['last_rows', 'BIGINT'],
      ['last_duration_ms', 'BIGINT'],
      ['waiting_since', 'TIMESTAMPTZ'],
      ['error', 'VARCHAR'],
    ],
    rows: (runtime) =>
      [...runtime.streams.values()]
        .flatMap(({ delivery, files }) => [delivery, files])
        .filter((delivery) => delivery !== undefined)
        .map((delivery) => {
          const status = delivery.status();
          return [
            delivery.stream,
            delivery.target,
            status.next,
            status.lag,
            status.deliveries,
            instant(status.lastMs),
            status.lastRows,
            status.lastDurationMs,
            instant(status.waitingSinceMs),
            status.error,
          ];
        }),
  },
  snapshots: {
    columns: [
      ['table_name', 'VARCHAR'],
      ['snapshot_id', 'BIGINT'],
      ['parent_id', 'BIGINT'],
      ['is_current', 'BOOLEAN'],
      ['operation', 'VARCHAR'],
      ['committed_at', 'TIMESTAMPTZ'],
      ['added_rows', 'BIGINT'],
      ['total_rows', 'BIGINT'],
      ['total_files', 'BIGINT'],
      ['total_bytes', 'BIGINT'],
    ],
    rows: async (runtime) =>
      (await lakeTables(runtime)).flatMap((table) =>
        table.snapshots.map((one) => [
          `${table.namespace}.${table.name}`,
          one.id,
          one.parent,
          one.id === table.snapshotId,
          one.operation,
          instant(one.timeMs),
          one.addedRows,
          one.totalRows,
          one.totalFiles,
          one.totalBytes,
        ]),
      ),
  },
  files: {
    columns: [
      ['table_name', 'VARCHAR'],
      ['path', 'VARCHAR'],
      ['rows', 'BIGINT'],
      ['bytes', 'BIGINT'],
      ['partition', 'VARCHAR'],
      ['partition_spec_id', 'INTEGER'],
      ['has_deletes', 'BOOLEAN'],
    ],
    rows: async (runtime) =>
      (await lakeTables(runtime)).flatMap((table) =>
        table.live.map(({ file, specId }, index) => {
          const { path: _read, rows, bytes, ...deletes } = table.scan.files[index] as ScanFile;
          return [
            `${table.namespace}.${table.name}`,
            localPath(file.file_path),
            rows,
            bytes,
            partitionText(file),
            specId,
            Object.keys(deletes).length > 0,
          ];
        }),
      ),
  },
  tables: {
    columns: [
      ['table_schema', 'VARCHAR'],
      ['table_name', 'VARCHAR'],
      ['rows', 'BIGINT'],
      ['files', 'BIGINT'],
      ['bytes', 'BIGINT'],
      ['snapshots', 'INTEGER'],
      ['snapshot_id', 'BIGINT'],
      ['location', 'VARCHAR'],
    ],
    rows: async (runtime) =>
      (await lakeTables(runtime)).map((table) => [
        table.namespace,
        table.name,
        table.rows,
        table.scan.files.length,
        table.scan.files.reduce((bytes, file) => bytes + file.bytes, 0),
        table.snapshots.length,
        table.snapshotId ?? null,
        table.location,
      ]),
  },
  runs: {
    columns: [
      ['id', 'VARCHAR'],
      ['model', 'VARCHAR'],
      ['cause', 'VARCHAR'],
      ['state', 'VARCHAR'],
      ['started_at', 'TIMESTAMPTZ'],
      ['ended_at', 'TIMESTAMPTZ'],
      ['duration_ms', 'BIGINT'],
      ['rows', 'BIGINT'],
      ['error', 'VARCHAR'],
    ],
    rows: (runtime) =>
      runtime.context.target.runs
        .list(LIMITS.runsKept)
        .map((run) => [
          run.id,
          run.model,
          run.cause,
          run.state,
          instant(run.startMs),
          instant(run.endMs),
          run.endMs === null ? null : run.endMs - run.startMs,
          run.rows,
          run.error,
        ]),
  },
  checks: {
    columns: [
      ['run_id', 'VARCHAR'],
      ['model', 'VARCHAR'],
      ['check_name', 'VARCHAR'],
      ['severity', 'VARCHAR'],
      ['failures', 'BIGINT'],
      ['sample', 'VARCHAR'],
      ['checked_at', 'TIMESTAMPTZ'],
    ],
    rows: (runtime) =>
      runtime.context.target.runs
        .list(LIMITS.runsKept)
        .flatMap((run) =>
          run.checks.map((check) => [
            run.id,
            run.model,
            check.name,
            check.severity,
            check.failures,
            check.sample ?? null,
            instant(run.endMs),
          ]),
        ),
  },
  dead_letters: {
    columns: [
      ['stream', 'VARCHAR'],
      ['records', 'BIGINT'],
      ['bytes', 'BIGINT'],
      ['last_at', 'TIMESTAMPTZ'],
    ],
    rows: (runtime) =>
      [...runtime.streams.values()].flatMap(({ plan, letters }) => {
        if (!letters) return [];
        const { bytes, lastAppendMs } = letters.log.status();
        return [[plan.name, letters.outstanding, bytes, instant(lastAppendMs)]];
      }),
  },
  columns: {
    columns: [
      ['table_schema', 'VARCHAR'],
      ['table_name', 'VARCHAR'],
      ['column_name', 'VARCHAR'],
      ['ordinal_position', 'INTEGER'],
      ['data_type', 'VARCHAR'],
      ['description', 'VARCHAR'],
    ],
    rows: async (runtime) =>
      [
        ...pipelineRelations(runtime),
        ...(await foreignRelations(runtime)),
        ...systemRelations(),
      ].flatMap(({ schema, name, columns }) =>
        columns.map((column, index) => [
          schema,
          name,
          column.name,
          index + 1,
          column.type,
          column.description ?? null,
        ]),
      ),
  },
};

function systemRelations(): ReturnType<typeof pipelineRelations> {
  return Object.entries(DEFINITIONS).map(([name, { columns }]) => ({
    schema: 'sys',
    name,
    columns: columns.map(([column, type]) => ({ name: column, type })),
  }));
}

export async function systemTable(name: string, runtime: Runtime): Promise<SystemTable> {
  const definition = DEFINITIONS[name];
  if (!definition) return { name, columns: [], rows: [] };
  return {
    name,
    columns: definition.columns.map(([column, type]) => ({ name: column, type })),
    rows: await definition.rows(runtime),
  };
}
