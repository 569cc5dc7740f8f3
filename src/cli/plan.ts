import type { Command } from 'commander';
import { dataFolderFor } from '../app/data-folder.ts';
import { prepareWithoutRunning, storedPlanChanges } from '../app/inspect.ts';
import { findPipeline } from '../app/load-pipeline.ts';
import { MillraceError } from '../core/errors.ts';
import type { PlanChange } from '../plan/diff.ts';
import type { FolderOptions } from './connection.ts';
import { createOutput, paint } from './output.ts';
import { folderVerb } from './verb.ts';

interface PlanOptions extends FolderOptions {
  readonly json?: boolean;
}

export const planCommand = (): Command =>
  folderVerb('plan', 'Show what the definition would change in stored data', 'millrace plan')
    .argument('[pipeline]', 'the pipeline file or its folder')
    .option('--allow-breaking', 'exit with 0 although there are breaking changes')
    .action(async (pipeline: string | undefined, options: PlanOptions) => {
      const output = createOutput(options.json ?? false);
      const file = findPipeline(pipeline ?? options.pipeline);
      const folder = dataFolderFor(file, options.data);
      const prepared = await prepareWithoutRunning(file);
      const changes = await storedPlanChanges(folder, prepared.plan);
      output.event({ event: 'done', changes, plan: prepared.plan });
      if (changes.length === 0) output.say('No changes: the stored data fits the definition.');
      for (const change of changes) output.say(`${mark(change)} ${change.what}: ${change.detail}`);
      const breaking = changes.filter((change) => change.kind === 'breaking').length;
      if (breaking > 0 && !options.allowBreaking)
        throw new MillraceError(
          'MR_PLAN_BREAKING',
          `${breaking} breaking change${breaking === 1 ? '' : 's'}: \`dev\` and \`start\` refuse this definition without --allow-breaking.`,
        );
    });

function mark({ kind }: PlanChange): string {
  switch (kind) {
    case 'added':
      return paint('green', '+ added   ');
    case 'changed':
      return paint('yellow', '~ changed ');
    case 'renamed':
      return paint('yellow', '~ renamed ');
    case 'removed':
      return paint('dim', '- removed ');
    case 'breaking':
      return paint('red', '! breaking');
  }
}
