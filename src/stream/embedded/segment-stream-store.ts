import { join } from 'node:path';
import type { FileSystem } from '../../core/file-system.ts';
import { folderBytes } from '../../core/folder-bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import type { LogSettings, StreamLog, StreamStore } from '../stream-store.ts';
import { IdempotencyWindow } from './idempotency-window.ts';
import { withSettings } from './log-description.ts';
import { NamedConsumers } from './named-consumers.ts';
import type { ReadSegment } from './segment.ts';
import { SegmentFolder } from './segment-folder.ts';
import { type LogContext, SegmentStreamLog } from './segment-stream-log.ts';

/** Logs as folders of segment files below `folder`. */
export class SegmentStreamStore implements StreamStore {
  readonly #folder: string;
  readonly #context: LogContext;

  constructor(folder: string, context: LogContext) {
    this.#folder = folder;
    this.#context = context;
  }

  async names(): Promise<string[]> {
    return (await this.#context.files.list(this.#folder))
      .filter((entry) => entry.isFolder)
      .map((entry) => entry.name);
  }

  async rename(from: string, to: string): Promise<void> {
    const { files } = this.#context;
    const [before, after] = [join(this.#folder, from), join(this.#folder, to)];
    if (!(await files.exists(before)) || (await files.exists(after))) return;
    await files.rename(before, after);
    await files.syncFolder(this.#folder);
  }

  bytes(name: string): Promise<number> {
    return folderBytes(this.#context.files, join(this.#folder, name));
  }

  async remove(name: string): Promise<void> {
    const { files } = this.#context;
    const path = join(this.#folder, name);
    if (!(await files.exists(path))) return;
    await files.remove(path);
    await files.syncFolder(this.#folder);
  }

  async open(settings: LogSettings): Promise<StreamLog> {
    const { files, clock, logger } = this.#context;
    const folder = await SegmentFolder.open(files, join(this.#folder, settings.name));
    const segments = folder.read.map(({ segment }) => segment);
    const description = withSettings(folder.description, settings, {
      first: segments[0]?.firstSequence ?? 0,
      next: segments.at(-1)?.nextSequence ?? 0,
    });
    if (description !== folder.description) await folder.writeDescription(description);
    const damaged = folder.read.flatMap((segment) => segment.damaged);
    for (const place of damaged)
      logger.error(
        { stream: settings.name, place },
        'damaged log index; reading goes on behind it',
      );
    const oldest = clock.now() - LIMITS.idempotencyWindowMs;
    return new SegmentStreamLog(
      {
        name: settings.name,
        folder,
        description,
        retention: settings.retention,
        segments,
        damaged,
        window: await readWindow(files, [...folder.answersOnly, ...folder.read], oldest),
        named: await NamedConsumers.open(files, folder.path),
      },
      this.#context,
    );
  }
}

async function readWindow(
  files: FileSystem,
  read: readonly ReadSegment[],
  oldestMs: number,
): Promise<IdempotencyWindow> {
  const window = new IdempotencyWindow(files);
  for (const { segment, entries } of read) {
    const recent = entries.filter((entry) => entry.metadataLength > 0 && entry.timeMs >= oldestMs);
    if (recent.length === 0) continue;
    const metadata = await files.readFile(segment.metadataFile);
    for (const { metadataPosition, metadataLength, timeMs } of recent) {
      const lines = metadata.subarray(metadataPosition, metadataPosition + metadataLength);
      window.add(lines, segment.metadataFile, metadataPosition, timeMs);
    }
  }
  return window;
}
