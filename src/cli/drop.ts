import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { MillraceError } from '../core/errors.ts';
import type { RemovedPart } from '../serve/services.ts';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput, formatBytes, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

interface DropOptions extends FolderOptions {
  readonly json?: boolean;
  readonly yes?: boolean;
}

export const dropCommand = (): Command =>
  folderVerb(
    'drop',
    'Remove for good what a definition left stored when it was taken out of the pipeline',
    'millrace drop old_sales',
  )
    .argument('<name>', 'name of the removed stream, lookup or model')
    .option('--yes', 'do not ask; needed where there is no terminal to ask on')
    .action((name: string, options: DropOptions) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const path = `/v1/removed/${encodeURIComponent(name)}`;
        const { parts } = await connection.json<{ parts: RemovedPart[] }>('GET', path);
        output.event({ event: 'found', name, parts });
        for (const part of parts) output.say(`  ${part.what}: ${sizeText(part)}`);
        if (!options.yes) await requireYes(name);
        const dropped = await connection.json<object>('DELETE', path);
        output.event({ event: 'done', ...dropped });
        output.say(`dropped ${name}`);
      }),
    );

function sizeText({ bytes, entries }: RemovedPart): string {
  return bytes === null ? `${formatCount(entries ?? 0)} entries` : formatBytes(bytes);
}

/** The name itself is the answer: a `y` is typed too easily for what cannot be undone. */
async function requireYes(name: string): Promise<void> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true)
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      `Nothing was removed: this cannot be undone, and there is no terminal to ask on. Say --yes: millrace drop ${name} --yes.`,
    );
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const stopped = new AbortController();
  for (const event of ['SIGINT', 'close'] as const) lines.once(event, () => stopped.abort());
  try {
    const { signal } = stopped;
    const question = `This cannot be undone. Type ${name} to remove it: `;
    if ((await lines.question(question, { signal })).trim() === name) return;
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
  } finally {
    lines.close();
  }
  throw new MillraceError('MR_COMMAND_USAGE', 'Nothing was removed.');
}
