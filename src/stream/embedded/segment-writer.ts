import { crc32 } from 'node:zlib';
import { alignedBuffer } from '../../core/aligned-buffer.ts';
import type { Clock } from '../../core/clock.ts';
import type { FileHandle, FileSystem } from '../../core/file-system.ts';
import type { Logger } from '../../core/logger.ts';
import { keysBlock } from '../partition-keys.ts';
import type { Placement } from '../stream-store.ts';
import {
  commitBytesMax,
  keyLines,
  type LaidRun,
  layOut,
  type PendingAppend,
} from './commit-layout.ts';
import { answerLine } from './idempotency-window.ts';
import { type CommitEntry, type CommitRun, indexBytes, writeEntry } from './index-format.ts';
import { Segment, type SegmentFiles, sectorsOf } from './segment.ts';

export interface WriterContext {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What every commit of one time has in common. */
export interface CommitSettings {
  readonly schemaVersion: number;
  /** Ids of the open shards, in the order of the routing. */
  readonly shardIds: readonly number[];
}

export interface Committed {
  readonly segment: Segment;
  readonly entry: CommitEntry;
  readonly metadata: Buffer;
  /** Per append. */
  readonly placements: readonly (readonly Placement[])[];
}

/** What is written with the data of a commit. */
interface Beside {
  readonly indexLength: number;
  readonly metadata: Buffer;
  readonly keys: Buffer;
}

const FIRST_BUFFER_BYTES = 1024 * 1024;

/**
 * Writes commits to the newest segment: data, index and, where there are some, answers to keyed requests and
 * partition keys, in parallel and past the page cache (ingest-ceiling.md §5). One commit at a time; `segments` is
 * the log's own list.
 */
export class SegmentWriter {
  readonly #context: WriterContext;
  readonly #folder: string;
  readonly #epoch: Buffer;
  readonly #segments: Segment[];
  #open: SegmentFiles | undefined;
  #buffer: Buffer = alignedBuffer(FIRST_BUFFER_BYTES);
  #closeNext = false;

  constructor(context: WriterContext, folder: string, epoch: string, segments: Segment[]) {
    this.#context = context;
    this.#folder = folder;
    this.#epoch = Buffer.from(epoch.replaceAll('-', ''), 'hex');
    this.#segments = segments;
  }

  get #newest(): Segment | undefined {
    return this.#segments.at(-1);
  }

  /** The next commit begins a segment. */
  closeNext(): void {
    this.#closeNext = true;
  }

  /** Begins a segment now, so that the one before it is closed. */
  async roll(): Promise<void> {
    this.#closeNext = true;
    await this.#writable();
  }

  async commit(
    appends: readonly PendingAppend[],
    { schemaVersion, shardIds }: CommitSettings,
  ): Promise<Committed> {
    const { segment, files } = await this.#writable();
    const bytes = appends.reduce((total, append) => total + append.bytes, 0);
    this.#reserve(commitBytesMax(bytes, shardIds.length));
    const layout = layOut(this.#buffer, appends, shardIds, segment.dataBytes, segment.nextSequence);
    const metadata = metadataOf(appends, layout.placements);
    const lines = appends.some(({ batch }) => batch.keys) ? keyLines(appends, shardIds.length) : [];
    const { runs, keys } = withKeys(layout.runs, lines, segment.keysBytes);
    const entry: CommitEntry = {
      commit: segment.commit + 1,
      schemaVersion,
      timeMs: Math.max(this.#context.clock.now(), segment.lastTimeMs),
      firstSequence: segment.nextSequence,
      records: layout.records,
      dataPosition: segment.dataBytes,
      dataLength: layout.dataLength,
      metadataPosition: segment.metadataBytes,
      metadataLength: metadata.length,
      metadataCrc: crc32(metadata),
      runs,
    };
    const indexLength = indexBytes(entry.runs.length);
    this.#reserve(
      layout.dataLength + indexLength + sectorsOf(metadata.length) + sectorsOf(keys.length),
    );
    await this.#write(files, segment, entry, { indexLength, metadata, keys });
    segment.add(entry, indexLength);
    return { segment, entry, metadata, placements: layout.placements };
  }

  /** A larger buffer keeps what the smaller one held. */
  #reserve(bytes: number): void {
    if (this.#buffer.length >= bytes) return;
    const larger = alignedBuffer(Math.max(bytes, this.#buffer.length * 2));
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }

  async #write(
    files: SegmentFiles,
    segment: Segment,
    entry: CommitEntry,
    { indexLength, metadata, keys }: Beside,
  ): Promise<void> {
    const buffer = this.#buffer;
    const indexAt = entry.dataLength;
    const metadataAt = indexAt + indexLength;
    writeEntry(buffer.subarray(indexAt, metadataAt), this.#epoch, entry);
    // First: a write that fails while something else is waited for would have nobody to tell it to.
    if (metadata.length > 0) files.metadata ??= await this.#openBeside(segment.metadataFile);
    if (keys.length > 0) files.keys ??= await this.#openBeside(segment.keysFile);
    const writes = [files.index.write(buffer.subarray(indexAt, metadataAt), segment.indexBytes)];
    if (entry.dataLength > 0)
      writes.push(files.data.write(buffer.subarray(0, entry.dataLength), segment.dataBytes));
    const keysAt = metadataAt + sectorsOf(metadata.length);
    if (files.metadata && metadata.length > 0)
      writes.push(
        files.metadata.write(padded(metadata, buffer, metadataAt), segment.metadataBytes),
      );
    if (files.keys && keys.length > 0)
      writes.push(files.keys.write(padded(keys, buffer, keysAt), segment.keysBytes));
    // The buffer is used again by the next commit: no write may still be running when this one fails.
    const outcomes = await Promise.allSettled(writes);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #openBeside(file: string): Promise<FileHandle> {
    const handle = await this.#context.files.open(file, 'durable');
    await this.#context.files.syncFolder(this.#folder);
    return handle;
  }

  async #writable(): Promise<{ segment: Segment; files: SegmentFiles }> {
    const newest = this.#newest;
    const isDone = newest && this.#closeNext && newest.nextSequence > newest.firstSequence;
    if (newest && !isDone)
      return { segment: newest, files: this.#open ?? (await this.#openFiles(newest)) };
    await this.close();
    const segment = new Segment(this.#folder, newest?.nextSequence ?? 0);
    segment.follow(newest);
    const files = await this.#openFiles(segment);
    this.#segments.push(segment);
    // Only now: where there was no space for new files, the next append tries again.
    this.#closeNext = false;
    return { segment, files };
  }

  async #openFiles(segment: Segment): Promise<SegmentFiles> {
    const { files } = this.#context;
    const opened: FileHandle[] = [];
    try {
      const data = await files.open(segment.dataFile, 'durable');
      opened.push(data);
      const index = await files.open(segment.indexFile, 'durable');
      opened.push(index);
      await files.syncFolder(this.#folder);
      this.#open = { data, index, metadata: undefined, keys: undefined };
      return this.#open;
    } catch (error) {
      await Promise.all(opened.map((handle) => handle.close()));
      throw error;
    }
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await Promise.all([
      open?.data.close(),
      open?.index.close(),
      open?.metadata?.close(),
      open?.keys?.close(),
    ]);
  }

  /** Back to the last whole commit, after a write that found the disk full. False where that fails, too. */
  async cutBack(): Promise<boolean> {
    const segment = this.#newest;
    if (!segment || !this.#open) return true;
    try {
      await this.#open.index.truncate(segment.indexBytes);
      await this.#open.data.truncate(segment.dataBytes);
      await this.#open.metadata?.truncate(segment.metadataBytes);
      await this.#open.keys?.truncate(segment.keysBytes);
      await this.#open.index.sync();
      await this.#open.data.sync();
      await this.#open.metadata?.sync();
      await this.#open.keys?.sync();
      return true;
    } catch (error) {
      this.#context.logger.error(
        { folder: this.#folder, error: (error as Error).message },
        'could not cut the log back',
      );
      return false;
    }
  }
}

/** A copy of the bytes in the commit's buffer, with newlines up to the end of a sector. */
function padded(bytes: Buffer, buffer: Buffer, at: number): Buffer {
  const sectors = buffer.subarray(at, at + sectorsOf(bytes.length));
  bytes.copy(sectors);
  return sectors.fill(10, bytes.length);
}

/** The runs with the places of their partition keys, each at a sector, in a block that will lie at `position` of the keys file. */
function withKeys(
  runs: readonly LaidRun[],
  lines: readonly string[],
  position: number,
): { runs: CommitRun[]; keys: Buffer } {
  const blocks: Buffer[] = [];
  let at = position;
  const placed = runs.map((run, index) => {
    const text = lines[index] ?? '';
    const block = text === '' ? Buffer.alloc(0) : keysBlock(text);
    const keysPosition = at;
    const sectors = Buffer.alloc(sectorsOf(block.length), 10);
    block.copy(sectors);
    blocks.push(sectors);
    at += sectors.length;
    return { ...run, keysPosition, keysLength: block.length, keysCrc: crc32(block) };
  });
  return { runs: placed, keys: Buffer.concat(blocks) };
}

function metadataOf(
  appends: readonly PendingAppend[],
  placements: readonly (readonly Placement[])[],
): Buffer {
  const lines = appends.map(({ request }, index) =>
    request
      ? answerLine({
          key: request.key,
          bodyHash: request.bodyHash,
          answer: request.answer(placements[index] ?? []),
        })
      : '',
  );
  return Buffer.from(lines.join(''));
}
