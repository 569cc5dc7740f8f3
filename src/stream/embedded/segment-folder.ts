import { join } from 'node:path';
import type { Damage } from '../../core/checked-file.ts';
import { readChecked, writeChecked } from '../../core/checked-file.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import {
  entriesEpoch,
  type LogDescription,
  parseDescription,
  storedDescription,
} from './log-description.ts';
import { readClosed, recoverNewest } from './recovery.ts';
import { type ReadSegment, readSegment, Segment } from './segment.ts';

export const DESCRIPTION = 'stream.json';

/** What a folder held when it was opened. */
interface Opened {
  /** Undefined for a new log. */
  readonly description: LogDescription | undefined;
  /** In order; the last one can be appended to. */
  readonly read: readonly ReadSegment[];
  /** Segments whose records are gone while answers to keyed requests among them are still needed. */
  readonly answersOnly: readonly ReadSegment[];
  readonly damaged: readonly Damage[];
}

/** The files of one log: `stream.json` and those of its segments. */
export class SegmentFolder {
  readonly path: string;
  readonly opened: Opened;
  readonly #files: FileSystem;
  readonly #answers: Segment[];

  private constructor(files: FileSystem, path: string, opened: Opened) {
    this.#files = files;
    this.path = path;
    this.opened = opened;
    this.#answers = opened.answersOnly.map(({ segment }) => segment);
  }

  /** @throws MillraceError MR_STORAGE_DAMAGED where segments cannot be told to be this log's */
  static async open(files: FileSystem, path: string): Promise<SegmentFolder> {
    await files.makeFolder(path);
    const file = join(path, DESCRIPTION);
    const { value, damaged, isWhole } = await readChecked(files, file);
    const hasSegments = (await startsOf(files, path, 'ndjson|idx')).length > 0;
    if (!value && (hasSegments || damaged.length > 0))
      throw new MillraceError(
        'MR_STORAGE_DAMAGED',
        `${file} and its copy are ${damaged.length > 0 ? 'damaged' : 'missing'}: without them the log in ${path} cannot be read. Restore one of them from a backup; nothing was changed.`,
      );
    if (!value)
      return new SegmentFolder(files, path, {
        description: undefined,
        read: [],
        answersOnly: [],
        damaged: [],
      });
    const description = parseDescription(file, value);
    if (!isWhole) await writeChecked(files, file, storedDescription(description));
    await finishRemovals(files, path);
    const epoch = Buffer.from(entriesEpoch(description).replaceAll('-', ''), 'hex');
    return new SegmentFolder(files, path, {
      description,
      read: await readSegments(files, path, epoch),
      answersOnly: await readAnswers(files, path, epoch),
      damaged,
    });
  }

  /** Segments of which only answers to keyed requests are left. */
  get answers(): readonly Segment[] {
    return this.#answers;
  }

  async writeDescription(description: LogDescription): Promise<void> {
    await writeChecked(this.#files, join(this.path, DESCRIPTION), storedDescription(description));
  }

  /**
   * Removes the records of the segments for good, so that a crash in between is never taken for damage:
   * first the index gets another name, and only when that is durable other files go. Answers to keyed
   * requests since `answersSinceMs` stay.
   */
  async removeSegments(segments: readonly Segment[], answersSinceMs: number): Promise<void> {
    const old = this.#answers.filter((segment) => segment.lastTimeMs < answersSinceMs);
    if (segments.length + old.length === 0) return;
    const isNeeded = ({ metadataBytes, lastTimeMs }: Segment) =>
      metadataBytes > 0 && lastTimeMs >= answersSinceMs;
    for (const segment of segments) {
      const { indexFile, answersFile, expiredFile } = segment;
      await this.#files.rename(indexFile, isNeeded(segment) ? answersFile : expiredFile);
    }
    for (const { answersFile, expiredFile } of old)
      await this.#files.rename(answersFile, expiredFile);
    await this.#files.syncFolder(this.path);
    this.#answers.splice(0, old.length);
    this.#answers.push(...segments.filter(isNeeded));
    await finishRemovals(this.#files, this.path);
  }
}

/** First sequence numbers of the segments that have such files. */
async function startsOf(files: FileSystem, path: string, endings: string): Promise<number[]> {
  const name = new RegExp(`^(\\d{16})\\.(${endings})$`);
  const starts = (await files.list(path))
    .map((entry) => name.exec(entry.name)?.[1])
    .filter((start) => start !== undefined);
  return [...new Set(starts)].map(Number);
}

async function readSegments(
  files: FileSystem,
  path: string,
  epoch: Buffer,
): Promise<ReadSegment[]> {
  const starts = await startsOf(files, path, 'ndjson|idx');
  const read: ReadSegment[] = [];
  for (const [index, start] of starts.entries()) {
    const next = starts[index + 1];
    const one =
      next === undefined
        ? await recoverNewest(files, path, start, epoch)
        : await readClosed(files, path, start, { epoch, next });
    one.segment.follow(read.at(-1)?.segment);
    read.push(one);
  }
  return read;
}

async function readAnswers(files: FileSystem, path: string, epoch: Buffer): Promise<ReadSegment[]> {
  const read: ReadSegment[] = [];
  for (const start of await startsOf(files, path, 'keyed'))
    read.push(await readSegment(files, path, start, epoch, ({ answersFile }) => answersFile));
  return read;
}

/** Ends removals, also those that a crash has broken off. The name that says so goes last. */
async function finishRemovals(files: FileSystem, path: string): Promise<void> {
  const answers = await startsOf(files, path, 'keyed');
  const expired = await startsOf(files, path, 'expired');
  for (const start of answers) {
    const { dataFile, keysFile } = new Segment(path, start);
    for (const file of [dataFile, keysFile]) await files.remove(file);
  }
  for (const start of expired) {
    const { dataFile, metadataFile, keysFile, expiredFile } = new Segment(path, start);
    for (const file of [dataFile, metadataFile, keysFile, expiredFile]) await files.remove(file);
  }
  if (answers.length + expired.length > 0) await files.syncFolder(path);
}
