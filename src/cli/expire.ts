import { type Command, InvalidArgumentError } from 'commander';
import { durationMs } from '../core/duration.ts';
import { type FolderOptions, withConnection } from './connection.ts';
import { tablePath, tablesAsked, tableText } from './lake-table.ts';
import { createOutput, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

interface ExpireOptions extends FolderOptions {
  readonly json?: boolean;
  readonly keep?: number;
  readonly olderThan?: number;
}

export const expireCommand = (): Command =>
  folderVerb(
    'expire',
    'Let go of old snapshots of tables, and remove files that nothing names',
    'millrace expire lake.sales --keep 10 --older-than 1d',
  )
    .argument('[table]', 'default: all tables of the pipeline')
    .option('--keep <number>', 'the newest that stay whatever their age', whole)
    .option('--older-than <duration>', 'such as 1h or 7d: younger ones stay', duration)
    .action((asked: string | undefined, options: ExpireOptions) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        for (const table of await tablesAsked(connection, asked)) {
          const done = await connection.json<{ snapshots: number; files: number }>(
            'POST',
            tablePath(table, 'expire'),
            { keep: options.keep, olderThanMs: options.olderThan },
          );
          output.event({ event: 'done', table: tableText(table), ...done });
          output.say(
            `${tableText(table)}: ${formatCount(done.snapshots)} snapshots expired, ${formatCount(done.files)} files removed; files of those expired just now go in ten minutes`,
          );
        }
      }),
    );

function whole(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1.');
}

function duration(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be like 30m, 12h or 7d.');
  return ms;
}
