import type { Command } from 'commander';
import type { StatusReport } from '../serve/services.ts';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput, formatBytes, formatCount, paint, textTable } from './output.ts';
import { folderVerb } from './verb.ts';

export const statusCommand = (): Command =>
  folderVerb('status', 'Show streams, lag, deliveries, models, lookups', 'millrace status').action(
    (options: FolderOptions & { json?: boolean }) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const status = await connection.json<StatusReport>('GET', '/v1/status');
        const url = connection.isRunning ? connection.url : null;
        output.event({ event: 'done', url, ...status });
        output.say(`${connection.folder} ${url === null ? '(nothing runs on it)' : `at ${url}`}\n`);
        output.say(statusText(status));
      }),
  );

function statusText(status: StatusReport): string {
  const streams = textTable(
    ['stream', 'records', 'size', 'undelivered', 'dead letters', 'delivery'],
    status.streams.map((stream) => [
      stream.name,
      formatCount(stream.records),
      formatBytes(stream.bytes),
      stream.undelivered === null ? '–' : formatCount(stream.undelivered),
      formatCount(stream.deadLetters),
      stream.deliveryError === null ? 'ok' : paint('red', stream.deliveryError),
    ]),
    [false, true, true, true, true],
  );
  const models = textTable(
    ['model', 'rows', 'state', 'last run', 'error'],
    status.models.map((model) => [
      model.name,
      model.rows === null ? '–' : formatCount(model.rows),
      model.state,
      model.lastRun ?? '–',
      model.error ?? '',
    ]),
    [false, true],
  );
  const lookups = textTable(
    ['lookup', 'entries'],
    status.lookups.map((lookup) => [lookup.name, formatCount(lookup.entries)]),
    [false, true],
  );
  const files = textTable(
    ['stream', 'files in', 'undelivered', 'delivery'],
    status.streams.flatMap(({ name, files }) =>
      files
        ? [
            [
              name,
              files.target,
              formatCount(files.lag),
              files.error === null ? 'ok' : paint('red', files.error),
            ],
          ]
        : [],
    ),
    [false, false, true],
  );
  const held = status.streams.flatMap(({ name, held }) =>
    held === null
      ? []
      : [
          paint(
            'yellow',
            `${name} keeps ${formatBytes(held.bytes)} past their retention: consumer '${held.consumer}' has not read them`,
          ),
        ],
  );
  return [
    streams,
    ...(status.streams.some((stream) => stream.files) ? [files] : []),
    ...(held.length > 0 ? [held.join('\n')] : []),
    ...(status.models.length > 0 ? [models] : []),
    ...(status.lookups.length > 0 ? [lookups] : []),
  ].join('\n\n');
}
