import { basename, join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { describeLog, type LogDescription, parseDescription } from './log-description.ts';
import { recoverNewest } from './recovery.ts';
import { type ReadSegment, readSegment, Segment } from './segment.ts';

const DESCRIPTION = 'stream.json';
const SEGMENT_FILE = /^(\d{16})\.(ndjson|idx|meta|keyed)$/;

/** The files of one log: `stream.json` and those of its segments. */
export class SegmentFolder {
  readonly path: string;
  /** What `stream.json` said when it was opened; undefined for a new log. */
  readonly description: LogDescription | undefined;
  /** In order; the last one can be appended to. */
  readonly read: readonly ReadSegment[];
  /** Segments whose records are gone while answers to keyed requests among them are still needed. */
  readonly answersOnly: readonly ReadSegment[];
  readonly #files: FileSystem;
  readonly #answers: Segment[];

  private constructor(
    files: FileSystem,
    path: string,
    description: LogDescription | undefined,
    read: readonly ReadSegment[],
    answersOnly: readonly ReadSegment[],
  ) {
    this.#files = files;
    this.path = path;
    this.description = description;
    this.read = read;
    this.answersOnly = answersOnly;
    this.#answers = answersOnly.map(({ segment }) => segment);
  }

  /** @throws MillraceError MR_STORAGE_FORMAT where segments cannot be told to be this log's */
  static async open(files: FileSystem, path: string): Promise<SegmentFolder> {
    await files.makeFolder(path);
    const names = (await files.list(path)).map(({ name }) => name);
    const kinds = kindsByStart(names);
    const description = names.includes(DESCRIPTION)
      ? parseDescription(join(path, DESCRIPTION), await files.readFile(join(path, DESCRIPTION)))
      : undefined;
    if (!description && kinds.size > 0)
      throw new MillraceError(
        'MR_STORAGE_FORMAT',
        `${join(path, DESCRIPTION)} is missing, and there are segments beside it. Restore it from a backup; nothing was changed.`,
      );
    if (!description) return new SegmentFolder(files, path, undefined, [], []);
    const epoch = Buffer.from(description.epoch.replaceAll('-', ''), 'hex');
    const kept = [...kinds].filter(([, kind]) => kind.has('idx')).map(([start]) => start);
    await removeLeftovers(files, path, kinds, kept[0]);
    const read: ReadSegment[] = [];
    for (const start of kept)
      read.push(
        await (start === kept.at(-1) ? recoverNewest : readSegment)(files, path, start, epoch),
      );
    const [previous, newest] = [read.at(-2)?.segment, read.at(-1)?.segment];
    if (previous && newest?.commit === 0) newest.follow(previous);
    const answersOnly: ReadSegment[] = [];
    for (const [start, kind] of kinds)
      if (kind.has('keyed'))
        answersOnly.push(await readSegment(files, path, start, epoch, keyedFile));
    return new SegmentFolder(files, path, description, read, answersOnly);
  }

  async writeDescription(description: LogDescription): Promise<void> {
    await this.#files.replaceFile(join(this.path, DESCRIPTION), describeLog(description));
  }

  /**
   * Removes the records of the segments for good. Answers to keyed requests since `answersSinceMs` stay:
   * their index is renamed, so that no reader takes the segment for one with records.
   */
  async removeSegments(segments: readonly Segment[], answersSinceMs: number): Promise<void> {
    const old = this.#answers.filter((segment) => segment.lastTimeMs < answersSinceMs);
    if (segments.length + old.length === 0) return;
    const isNeeded = (segment: Segment) =>
      segment.metadataBytes > 0 && segment.lastTimeMs >= answersSinceMs;
    for (const segment of segments)
      if (isNeeded(segment)) await this.#files.rename(segment.indexFile, keyedFile(segment));
      else await this.#files.remove(segment.indexFile);
    await this.#files.syncFolder(this.path);
    for (const segment of segments) {
      await this.#files.remove(segment.dataFile);
      if (!isNeeded(segment)) await this.#files.remove(segment.metadataFile);
    }
    for (const segment of old) {
      await this.#files.remove(keyedFile(segment));
      await this.#files.remove(segment.metadataFile);
    }
    await this.#files.syncFolder(this.path);
    this.#answers.splice(0, old.length);
    this.#answers.push(...segments.filter(isNeeded));
  }
}

const keyedFile = (segment: Segment): string => segment.indexFile.replace(/idx$/, 'keyed');

/** The kinds of files that there are of each segment, in order. */
function kindsByStart(names: readonly string[]): Map<number, ReadonlySet<string>> {
  const kinds = new Map<number, Set<string>>();
  for (const name of names) {
    const [, start, kind] = SEGMENT_FILE.exec(basename(name)) ?? [];
    if (start === undefined || kind === undefined) continue;
    kinds.set(Number(start), (kinds.get(Number(start)) ?? new Set()).add(kind));
  }
  return kinds;
}

/** A removal that was cut short leaves files without an index before the first segment. */
async function removeLeftovers(
  files: FileSystem,
  path: string,
  kinds: ReadonlyMap<number, ReadonlySet<string>>,
  first: number | undefined,
): Promise<void> {
  for (const [start, kind] of kinds) {
    if (first === undefined || start >= first) break;
    const { dataFile, metadataFile } = new Segment(path, start);
    if (kind.has('ndjson')) await files.remove(dataFile);
    if (kind.has('meta') && !kind.has('keyed')) await files.remove(metadataFile);
  }
}
