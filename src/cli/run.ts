import type { Command } from 'commander';
import { MillraceError } from '../core/errors.ts';
import type { Run } from '../schedule/run-store.ts';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

export const runCommand = (): Command =>
  folderVerb('run', 'Run a model now', 'millrace run daily_revenue')
    .argument('<model>', 'name of the model')
    .action((model: string, options: FolderOptions & { json?: boolean }) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const run = await connection.json<Run>(
          'POST',
          `/v1/models/${encodeURIComponent(model)}/runs`,
        );
        output.event({ event: 'done', ...run });
        for (const check of run.checks) {
          if (check.failures > 0)
            output.say(
              `check '${check.name}' (${check.severity}): ${formatCount(check.failures)} rows break it${check.sample ? `, for example ${check.sample}` : ''}`,
            );
        }
        if (run.state !== 'succeeded')
          throw new MillraceError(
            'MR_MODEL_FAILED',
            `Run of '${model}' failed; the old result is kept. ${run.error ?? ''}`,
          );
        output.say(
          `${model}: ${formatCount(run.rows ?? 0)} rows in ${(run.endMs ?? run.startMs) - run.startMs} ms`,
        );
      }),
    );
