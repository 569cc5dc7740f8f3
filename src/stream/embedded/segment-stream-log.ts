import { crc32 } from 'node:zlib';
import { alignedBuffer } from '../../core/aligned-buffer.ts';
import type { Clock } from '../../core/clock.ts';
import { invariant, isDiskFull, MillraceError } from '../../core/errors.ts';
import { type FileSystem, SECTOR_BYTES } from '../../core/file-system.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import { RUN } from '../run-columns.ts';
import type {
  KeyedRequest,
  LogSlice,
  LogStatus,
  Placement,
  RecordBatch,
  SchemaVersion,
  StreamLog,
} from '../stream-store.ts';
import { commitBytesMax, layOut, measure, type PendingAppend } from './commit-layout.ts';
import { answerLine, type IdempotencyWindow } from './idempotency-window.ts';
import { type CommitEntry, indexBytes, writeEntry } from './index-format.ts';
import { Segment, type SegmentFiles, sectorsOf } from './segment.ts';

export interface OpenedLog {
  readonly name: string;
  readonly folder: string;
  readonly epoch: string;
  readonly shards: number;
  readonly retentionMs: number;
  readonly schemas: readonly SchemaVersion[];
  readonly segments: readonly Segment[];
  readonly damaged: readonly string[];
}

export interface LogContext {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A write failed for another reason than a full disk: nothing can be acknowledged any more. */
  onFatal(error: MillraceError): void;
}

const COMMIT_BYTES_MAX = 16 * 1024 * 1024;
const FIRST_BUFFER_BYTES = 1024 * 1024;

/**
 * The embedded log: one commit in flight, what arrives meanwhile is the next commit. A commit is one
 * write to the data file, one to the index and, for keyed requests, one to the metadata file, in
 * parallel and past the page cache; appends are acknowledged after all of them (ingest-ceiling.md §5).
 */
export class SegmentStreamLog implements StreamLog {
  readonly name: string;
  readonly epoch: string;
  readonly shards: number;
  readonly schemas: readonly SchemaVersion[];
  readonly consumers: Map<string, number> = new Map();
  readonly #context: LogContext;
  readonly #folder: string;
  readonly #retentionMs: number;
  readonly #epochBytes: Buffer;
  readonly #damaged: readonly string[];
  readonly #window: IdempotencyWindow;
  readonly #pendingKeys = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #segments: Segment[];
  #open: SegmentFiles | undefined;
  #pending: PendingAppend[] = [];
  #pendingBytes = 0;
  #committing: Promise<void> | undefined;
  #buffer: Buffer = alignedBuffer(FIRST_BUFFER_BYTES);
  #failure: MillraceError | undefined;
  #rollNext = false;
  /** Said once, not at every refused append. */
  #isFull = false;

  constructor(opened: OpenedLog, context: LogContext, window: IdempotencyWindow) {
    this.name = opened.name;
    this.epoch = opened.epoch;
    this.shards = opened.shards;
    this.schemas = opened.schemas;
    this.#context = context;
    this.#folder = opened.folder;
    this.#retentionMs = opened.retentionMs;
    this.#epochBytes = Buffer.from(opened.epoch.replaceAll('-', ''), 'hex');
    this.#segments = [...opened.segments];
    this.#damaged = opened.damaged;
    this.#window = window;
    this.#rollNext = this.#lastSchemaVersion() !== this.schema.version;
  }

  #lastSchemaVersion(): number | undefined {
    const runs = this.#segments.at(-1)?.runs;
    return runs && runs.length > 0 ? runs.value(runs.length - 1, RUN.schemaVersion) : undefined;
  }

  get schema(): SchemaVersion {
    const current = this.schemas.at(-1);
    invariant(current, 'a log has at least one schema');
    return current;
  }

  get nextSequence(): number {
    return this.#segments.at(-1)?.nextSequence ?? 0;
  }

  get firstSequence(): number {
    return this.#segments[0]?.firstSequence ?? 0;
  }

  append(batch: RecordBatch, request?: KeyedRequest): Promise<readonly Placement[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    const measured = measure(batch, this.shards);
    if (this.#pendingBytes > 0 && this.#pendingBytes + measured.bytes > LIMITS.inFlightBytesMax)
      return Promise.reject(
        new MillraceError(
          'MR_OVERLOADED',
          `Stream '${this.name}' has ${this.#pendingBytes} bytes waiting for the disk. Send again in a second.`,
        ),
      );
    if (request) {
      if (this.#pendingKeys.has(request.key) || this.#window.has(request.key))
        return Promise.reject(stillRunning(request.key));
      this.#pendingKeys.add(request.key);
    }
    this.#pendingBytes += measured.bytes;
    return new Promise((resolve, reject) => {
      this.#pending.push({ batch, request, ...measured, resolve, reject });
      this.#kick();
    });
  }

  async answered(key: string, bodyHash: string): Promise<string | undefined> {
    if (this.#pendingKeys.has(key)) throw stillRunning(key);
    this.#window.forgetBefore(this.#context.clock.now() - LIMITS.idempotencyWindowMs);
    return this.#window.answer(key, bodyHash);
  }

  #kick(): void {
    if (this.#committing || this.#pending.length === 0) return;
    this.#committing = this.#commitLoop().finally(() => {
      this.#committing = undefined;
      this.#kick();
    });
  }

  async #commitLoop(): Promise<void> {
    while (this.#pending.length > 0) {
      const appends = this.#takePending();
      try {
        const placements = this.#failure ? Promise.reject(this.#failure) : this.#commit(appends);
        const placed = await placements;
        if (this.#isFull)
          this.#context.logger.warn(
            { stream: this.name },
            'there is space again: records are taken',
          );
        this.#isFull = false;
        this.#settled(appends);
        for (let index = 0; index < appends.length; index++)
          appends[index]?.resolve(placed[index] ?? []);
        for (const listener of this.#listeners) listener();
      } catch (error) {
        const failure = await this.#failed(error);
        this.#settled(appends);
        for (const append of appends) append.reject(failure);
      }
    }
  }

  #takePending(): PendingAppend[] {
    let bytes = 0;
    let taken = 0;
    for (const append of this.#pending) {
      if (taken > 0 && commitBytesMax(bytes + append.bytes, this.shards) > COMMIT_BYTES_MAX) break;
      bytes += append.bytes;
      taken += 1;
    }
    return this.#pending.splice(0, taken);
  }

  #settled(appends: readonly PendingAppend[]): void {
    for (const append of appends) {
      this.#pendingBytes -= append.bytes;
      if (append.request) this.#pendingKeys.delete(append.request.key);
    }
  }

  async #commit(appends: readonly PendingAppend[]): Promise<readonly (readonly Placement[])[]> {
    const { segment, files } = await this.#writableSegment();
    const bytes = appends.reduce((total, append) => total + append.bytes, 0);
    this.#reserve(commitBytesMax(bytes, this.shards));
    const layout = layOut(
      this.#buffer,
      appends,
      this.shards,
      segment.dataBytes,
      segment.nextSequence,
    );
    const metadata = this.#metadataOf(appends, layout.placements);
    const entry: CommitEntry = {
      commit: segment.commit + 1,
      schemaVersion: this.schema.version,
      timeMs: Math.max(this.#context.clock.now(), segment.lastTimeMs),
      firstSequence: segment.nextSequence,
      records: layout.records,
      dataPosition: segment.dataBytes,
      dataLength: layout.dataLength,
      metadataPosition: segment.metadataBytes,
      metadataLength: metadata.length,
      metadataCrc: crc32(metadata),
      runs: layout.runs,
    };
    const indexLength = indexBytes(entry.runs.length);
    this.#reserve(layout.dataLength + indexLength + sectorsOf(metadata.length));
    await this.#write(files, segment, entry, indexLength, metadata);
    segment.add(entry, indexLength);
    if (metadata.length > 0)
      this.#window.add(metadata, segment.metadataFile, entry.metadataPosition, entry.timeMs);
    if (segment.dataBytes >= LIMITS.segmentBytesMax) this.#rollNext = true;
    return layout.placements;
  }

  /** A larger buffer keeps what the smaller one held. */
  #reserve(bytes: number): void {
    if (this.#buffer.length >= bytes) return;
    const larger = alignedBuffer(Math.max(bytes, this.#buffer.length * 2));
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }

  #metadataOf(
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

  async #write(
    files: SegmentFiles,
    segment: Segment,
    entry: CommitEntry,
    indexLength: number,
    metadata: Buffer,
  ): Promise<void> {
    const buffer = this.#buffer;
    const indexAt = entry.dataLength;
    const metadataAt = indexAt + indexLength;
    writeEntry(buffer.subarray(indexAt, metadataAt), this.#epochBytes, entry);
    // First: a write that fails while something else is waited for would have nobody to tell it to.
    if (metadata.length > 0) files.metadata ??= await this.#openMetadata(segment);
    const writes = [files.index.write(buffer.subarray(indexAt, metadataAt), segment.indexBytes)];
    if (entry.dataLength > 0)
      writes.push(files.data.write(buffer.subarray(0, entry.dataLength), segment.dataBytes));
    if (files.metadata && metadata.length > 0) {
      const padded = buffer.subarray(metadataAt, metadataAt + sectorsOf(metadata.length)).fill(10);
      metadata.copy(padded);
      writes.push(files.metadata.write(padded, segment.metadataBytes));
    }
    // The buffer is used again by the next commit: no write may still be running when this one fails.
    const outcomes = await Promise.allSettled(writes);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #openMetadata(segment: Segment) {
    const handle = await this.#context.files.open(segment.metadataFile, 'durable');
    await this.#context.files.syncFolder(this.#folder);
    return handle;
  }

  async #writableSegment(): Promise<{ segment: Segment; files: SegmentFiles }> {
    let segment = this.#segments.at(-1);
    if (segment && this.#rollNext && segment.nextSequence > segment.firstSequence) {
      await this.#closeFiles();
      segment = undefined;
    }
    this.#rollNext = false;
    if (segment && this.#open) return { segment, files: this.#open };
    const created = segment ?? new Segment(this.#folder, this.nextSequence);
    const previous = this.#segments.at(-1);
    if (created !== segment && previous) {
      created.commit = previous.commit;
      created.lastTimeMs = previous.lastTimeMs;
    }
    const files = await this.#openFiles(created);
    if (created !== segment) this.#segments.push(created);
    return { segment: created, files };
  }

  async #openFiles(segment: Segment): Promise<SegmentFiles> {
    const { files } = this.#context;
    const data = await files.open(segment.dataFile, 'durable');
    const index = await files.open(segment.indexFile, 'durable');
    await files.syncFolder(this.#folder);
    this.#open = { data, index, metadata: undefined };
    return this.#open;
  }

  async #closeFiles(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await Promise.all([open?.data.close(), open?.index.close(), open?.metadata?.close()]);
  }

  /** Full disk: cut back to the last whole commit and go on. Anything else: never retry a failed write. */
  async #failed(error: unknown): Promise<MillraceError> {
    if (this.#failure) return this.#failure;
    if (isDiskFull(error) && (await this.#cutBack())) {
      if (!this.#isFull)
        this.#context.logger.error(
          { stream: this.name },
          'disk full: records are refused until there is space',
        );
      this.#isFull = true;
      return new MillraceError(
        'MR_STORAGE_FULL',
        `The disk is full; stream '${this.name}' accepts nothing until there is space. Free disk space; it resumes by itself.`,
        { cause: error },
      );
    }
    const failure = new MillraceError(
      'MR_STORAGE_FAILED',
      `Writing stream '${this.name}' failed: ${(error as Error).message}. Nothing more is accepted; restart to recover.`,
      { cause: error },
    );
    this.#failure = failure;
    this.#context.onFatal(failure);
    return failure;
  }

  async #cutBack(): Promise<boolean> {
    const segment = this.#segments.at(-1);
    if (!segment || !this.#open) return true;
    try {
      await this.#open.index.truncate(segment.indexBytes);
      await this.#open.data.truncate(segment.dataBytes);
      await this.#open.metadata?.truncate(segment.metadataBytes);
      await this.#open.index.sync();
      await this.#open.data.sync();
      return true;
    } catch (error) {
      this.#context.logger.error(
        { stream: this.name, error: (error as Error).message },
        'could not cut the log back',
      );
      return false;
    }
  }

  async slices(from: number, until: number, bytesMax: number): Promise<LogSlice[]> {
    const slices: LogSlice[] = [];
    let left = bytesMax;
    for (const segment of this.#segments) {
      if (left <= 0 || segment.firstSequence >= until) break;
      if (segment.nextSequence <= from) continue;
      const found = segment.slice(from, until, left);
      if (!found) continue;
      slices.push(found.slice);
      left -= found.bytes;
    }
    return slices;
  }

  firstAtOrAfter(timeMs: number): number {
    const segment = this.#segments.find((one) => one.runs.length > 0 && one.lastTimeMs >= timeMs);
    return segment ? segment.runs.firstAtOrAfter(timeMs) : this.nextSequence;
  }

  setConsumer(name: string, next: number): void {
    this.consumers.set(name, next);
  }

  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Removes closed segments that are past their time and that every consumer has passed. Returns how many. */
  async trim(): Promise<number> {
    const oldest = this.#context.clock.now() - this.#retentionMs;
    const passed = Math.min(...this.consumers.values(), this.nextSequence);
    let removed = 0;
    while (this.#segments.length > 1) {
      const segment = this.#segments[0] as Segment;
      if (segment.lastTimeMs > oldest || segment.nextSequence > passed) break;
      this.#segments.shift();
      for (const file of [segment.indexFile, segment.dataFile, segment.metadataFile])
        await this.#context.files.remove(file);
      removed += 1;
    }
    if (removed > 0) await this.#context.files.syncFolder(this.#folder);
    return removed;
  }

  status(): LogStatus {
    const last = this.#segments.at(-1);
    return {
      records: this.nextSequence - this.firstSequence,
      bytes: this.#segments.reduce(
        (total, segment) => total + segment.dataBytes + segment.indexBytes + segment.metadataBytes,
        0,
      ),
      segments: this.#segments.length,
      firstSequence: this.firstSequence,
      nextSequence: this.nextSequence,
      lastAppendMs: last && last.lastTimeMs > 0 ? last.lastTimeMs : null,
      damaged: this.#damaged,
    };
  }

  async close(): Promise<void> {
    this.#failure ??= new MillraceError(
      'MR_STOPPING',
      'The server is shutting down; send again once it is back.',
    );
    await this.#committing;
    await this.#closeFiles();
  }
}

function stillRunning(key: string): MillraceError {
  return new MillraceError(
    'MR_REQUEST_CONFLICT',
    `The first request with Idempotency-Key ${JSON.stringify(key)} is still running. Repeat this one a little later.`,
  );
}

/** Records never start inside a sector of another commit, so a torn write cannot reach acknowledged ones. */
invariant(COMMIT_BYTES_MAX % SECTOR_BYTES === 0, 'the commit buffer is made of sectors');
