import type { Command } from 'commander';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

export const replayCommand = (): Command =>
  folderVerb(
    'replay',
    'Build a lookup again from log and lake',
    'millrace replay sales --to invoices',
  )
    .argument('<stream>', 'name of the stream')
    .requiredOption('--to <lookup>', 'the lookup to build again')
    .action((stream: string, options: FolderOptions & { json?: boolean; to: string }) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const { entries } = await connection.json<{ entries: number }>(
          'POST',
          `/v1/lookups/${encodeURIComponent(options.to)}/replay`,
          { stream },
        );
        output.event({ event: 'done', lookup: options.to, entries });
        output.say(`${options.to}: ${formatCount(entries)} entries`);
      }),
    );
