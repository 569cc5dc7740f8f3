import type { Command } from 'commander';
import type { VerifyEvent, VerifyResult } from '../app/verify.ts';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

export const verifyCommand = (): Command =>
  folderVerb(
    'verify',
    'Hold log, lake and lookups against each other and name what differs',
    'millrace verify\n  millrace verify sales --json',
  )
    .argument('[name]', 'a stream, lookup or stored model (default: all)')
    .action((name: string | undefined, options: FolderOptions & { json?: boolean }) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const result = await connection.events<VerifyResult>('/v1/verify', { name }, (told) => {
          const event = told as unknown as VerifyEvent;
          if (event.event === 'progress') {
            const { what, done, of } = event;
            output.progress(`  ${what}: ${formatCount(done)} of ${formatCount(of)}`, {
              what,
              done,
              of,
            });
          } else {
            output.event(event);
            output.complain(`${event.where}: ${event.text}`);
          }
        });
        output.event({ ...result });
        for (const { what, ...counts } of result.checked)
          output.say(`${what}: ${countsText(counts)}`);
        const found = result.differences.length;
        if (found === 0) output.say('Nothing differs.');
        else process.exitCode = 1;
      }),
    );

const countsText = (counts: { readonly [count: string]: number | string }): string =>
  Object.entries(counts)
    .map(([name, count]) => (typeof count === 'number' ? `${formatCount(count)} ${name}` : count))
    .join(', ');
