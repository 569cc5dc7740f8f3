import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { MillraceError } from '../core/errors.ts';
import type { IngestAnswer } from '../ingest/tally.ts';
import { errorOf, type FolderOptions, requireRunning } from './connection.ts';
import { createOutput, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

export const sendCommand = (): Command =>
  folderVerb(
    'send',
    'Send NDJSON from standard input to a stream of the running pipeline',
    `echo '{"happened_at":"2026-01-01T00:00:00Z","kind":"visit"}' | millrace send events`,
  )
    .argument('<stream>', 'name of the stream')
    .option('--idempotency-key <key>', 'makes a repeat of this command safe for 24 hours')
    .action(
      async (
        stream: string,
        options: FolderOptions & { json?: boolean; idempotencyKey?: string },
      ) => {
        const output = createOutput(options.json ?? false);
        const connection = await requireRunning(options);
        const response = await fetch(
          `${connection.url}/v1/streams/${encodeURIComponent(stream)}/records`,
          {
            method: 'POST',
            headers: {
              authorization: `Bearer ${connection.key}`,
              'content-type': 'application/x-ndjson',
              ...(options.idempotencyKey === undefined
                ? {}
                : { 'idempotency-key': options.idempotencyKey }),
            },
            body: Readable.toWeb(process.stdin) as ReadableStream,
            duplex: 'half',
          } as RequestInit,
        );
        if (!response.ok && response.status !== 422) throw await errorOf(response);
        const answer = (await response.clone().json()) as IngestAnswer;
        if (answer.accepted === undefined) throw await errorOf(response);
        output.event({ event: 'done', ...answer });
        for (const { index, message } of answer.rejected)
          process.stderr.write(`record ${index}: ${message}\n`);
        const [first] = answer.rejected;
        const refused = answer.rejected.length + (answer.rejectedOmitted ?? 0);
        const repeated = answer.duplicate.length + (answer.duplicateOmitted ?? 0);
        output.say(
          `${formatCount(answer.accepted)} stored, ${formatCount(refused)} refused${repeated > 0 ? `, ${formatCount(repeated)} there already` : ''}`,
        );
        if (first)
          throw new MillraceError(
            first.code,
            refused === 1
              ? `The record ${first.index} was refused: ${first.message}`
              : `${formatCount(refused)} records were refused; the reasons are above.`,
          );
      },
    );
