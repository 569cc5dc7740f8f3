import type { Command } from 'commander';
import { MillraceError } from '../core/errors.ts';
import type { RedriveResult } from '../serve/services.ts';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

export const redriveCommand = (): Command =>
  folderVerb(
    'redrive',
    'Send dead letters again, after a fix; what is refused again stays a letter',
    `millrace redrive sales --where "field = 'unit_price'"`,
  )
    .argument('<stream>', 'name of the stream')
    .option('--where <sql>', 'which of deadletters.<stream>: a condition of SQL; default all')
    .action((stream: string, options: FolderOptions & { json?: boolean; where?: string }) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const result = await connection.json<RedriveResult>(
          'POST',
          `/v1/streams/${encodeURIComponent(stream)}/redrive`,
          { where: options.where },
        );
        output.event({ event: 'done', stream, ...result });
        const { redriven, refused, ofLookups, reasons } = result;
        output.say(
          `${stream}: ${formatCount(redriven)} letters stored, ${formatCount(refused)} refused again`,
        );
        for (const [reason, count] of Object.entries(reasons))
          output.say(`  ${formatCount(count)} × ${reason}`);
        if (ofLookups > 0)
          output.say(
            `${formatCount(ofLookups)} more are of lookups: their records are in the stream, and a key of theirs is too long for an entry`,
          );
        if (refused > 0)
          throw new MillraceError(
            'MR_FIELD_RULE',
            `${formatCount(refused)} letters were refused again; the reasons are above.`,
          );
      }),
    );
