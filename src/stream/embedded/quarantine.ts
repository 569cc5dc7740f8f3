import { basename, join } from 'node:path';
import type { Damage } from '../../core/checked-file.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { Logger } from '../../core/logger.ts';
import { readRange } from './recovery.ts';

/**
 * Copies damaged bytes to `folder`, once, each file named after where they were: retention removes the
 * segment one day, and someone may still want to look. A copy that cannot be made is told and stops nothing.
 */
export async function setAside(
  { files, logger }: { readonly files: FileSystem; readonly logger: Logger },
  folder: string,
  damaged: readonly Damage[],
): Promise<void> {
  for (const { file, start, end } of damaged.flatMap(({ places }) => places)) {
    const copy = join(folder, `${basename(file)}.${start}-${end}`);
    try {
      if (end <= start || (await files.exists(copy))) continue;
      await files.makeFolder(folder);
      await files.replaceFile(copy, await readRange(files, file, start, end - start));
    } catch (error) {
      logger.error({ copy, error: (error as Error).message }, 'damaged bytes could not be copied');
    }
  }
}
