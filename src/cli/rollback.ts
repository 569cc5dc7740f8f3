import type { Command } from 'commander';
import { type FolderOptions, withConnection } from './connection.ts';
import { tablePath, tablesAsked, tableText } from './lake-table.ts';
import { createOutput, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

interface RollbackOptions extends FolderOptions {
  readonly json?: boolean;
  readonly to: string;
  readonly redeliver?: boolean;
}

export const rollbackCommand = (): Command =>
  folderVerb(
    'rollback',
    'Make an older snapshot of a table the current one; what came after it stays until it expires',
    'millrace rollback lake.sales --to 2026-11-22T08:00:00Z',
  )
    .argument('<table>', 'such as lake.sales')
    .requiredOption('--to <snapshot>', 'the id of a snapshot, or a time: what was current then')
    .option(
      '--redeliver',
      'deliver again what the stream has since then; without it those records stay out of the table',
    )
    .action((asked: string, options: RollbackOptions) =>
      withConnection(options, async (connection) => {
        const [table] = await tablesAsked(connection, asked);
        if (!table) return;
        const snapshot = await connection.json<{ id: string; timeMs: number; totalRows: number }>(
          'POST',
          tablePath(table, 'rollback'),
          { to: options.to, redeliver: options.redeliver ?? false },
        );
        const output = createOutput(options.json ?? false);
        output.event({ event: 'done', table: tableText(table), ...snapshot });
        output.say(
          `${tableText(table)} is as it was at ${new Date(snapshot.timeMs).toISOString()}: snapshot ${snapshot.id}, ${formatCount(snapshot.totalRows)} rows`,
        );
      }),
    );
