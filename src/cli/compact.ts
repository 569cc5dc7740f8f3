import type { Command } from 'commander';
import { type FolderOptions, withConnection } from './connection.ts';
import { tablePath, tablesAsked, tableText } from './lake-table.ts';
import { createOutput, formatBytes, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

interface Progress {
  readonly jobs: number;
  readonly left: number;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly bytesAfter: number;
  readonly rows: number;
  readonly conflicts: number;
}

export const compactCommand = (): Command =>
  folderVerb(
    'compact',
    'Put small files of tables together, and deleted rows out of them, now',
    'millrace compact lake.sales',
  )
    .argument('[table]', 'default: all tables of the pipeline')
    .action((asked: string | undefined, options: FolderOptions & { json?: boolean }) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        for (const table of await tablesAsked(connection, asked)) {
          let [before, after] = [0, 0];
          let done: Progress;
          do {
            done = await connection.json<Progress>('POST', tablePath(table, 'compact'), {
              jobs: 1,
            });
            before += done.filesBefore;
            after += done.filesAfter;
            const name = tableText(table);
            output.event({ event: 'progress', table: name, ...done });
            if (done.jobs > 0)
              output.say(
                `${name}: ${formatCount(done.filesBefore)} files → ${formatCount(done.filesAfter)}, ${formatCount(done.rows)} rows, ${formatBytes(done.bytesAfter)}; ${formatCount(done.left)} to go`,
              );
          } while (done.left > 0 && done.jobs > 0);
          output.event({ event: 'done', table: tableText(table), before, after });
          if (before === 0) output.say(`${tableText(table)}: nothing to put together`);
          if (done.conflicts > 0)
            output.say(
              `${tableText(table)}: another program changed the same files meanwhile; run it again for the rest`,
            );
        }
      }),
    );
