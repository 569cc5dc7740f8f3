import type { Command } from 'commander';
import { prepareWithoutRunning } from '../app/inspect.ts';
import { findPipeline } from '../app/load-pipeline.ts';
import { writeEnvFile } from './env-file.ts';
import { createOutput } from './output.ts';
import { verb } from './verb.ts';

export const typesCommand = (): Command =>
  verb(
    'types',
    'Write millrace-env.d.ts, the row types of models and endpoints, without running anything',
    'millrace types && tsc --noEmit',
  )
    .argument('[pipeline]', 'the pipeline file or its folder', '.')
    .action(async (pipeline: string, options: { json?: boolean }) => {
      const output = createOutput(options.json ?? false);
      const path = await writeEnvFile(await prepareWithoutRunning(findPipeline(pipeline)));
      output.event({ event: 'done', file: path });
      output.say(`wrote ${path}`);
    });
