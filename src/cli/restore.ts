import type { Command } from 'commander';
import { dataFolderFor } from '../app/data-folder.ts';
import { findPipeline } from '../app/load-pipeline.ts';
import { restore } from '../app/restore.ts';
import { systemClock } from '../core/clock.ts';
import { sayProgress, sayWrong } from './backup.ts';
import type { FolderOptions } from './connection.ts';
import { createLogger } from './log.ts';
import { createOutput, formatBytes, formatCount } from './output.ts';
import { folderVerb } from './verb.ts';

export const restoreCommand = (): Command =>
  folderVerb(
    'restore',
    'Make a data folder of a backup',
    'millrace restore /mnt/backups --data .millrace',
  )
    .argument('<folder>', 'where the backups are')
    .option('--id <id>', 'one that `millrace backup FOLDER --list` lists (default: the newest)')
    .action(async (from: string, options: FolderOptions & { json?: boolean; id?: string }) => {
      const output = createOutput(options.json ?? false);
      const isNamed = options.data !== undefined && options.pipeline === undefined;
      const folder = dataFolderFor(isNamed ? '.' : findPipeline(options.pipeline), options.data);
      const { id, files, logs, notices } = await restore(
        { from, folder, ...(options.id === undefined ? {} : { id: options.id }) },
        {
          clock: systemClock,
          logger: createLogger('error'),
          onProgress: sayProgress(output, 'copied'),
        },
      );
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      output.event({ event: 'done', id, folder, files: files.length, bytes, logs, notices });
      output.say(
        `${folder} is as ${id} was: ${formatCount(files.length)} files, ${formatBytes(bytes)}`,
      );
      sayWrong(output, notices);
    });
