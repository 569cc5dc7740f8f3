import type { Clock } from '../../core/clock.ts';
import { invariant, isDiskFull, MillraceError } from '../../core/errors.ts';
import { type FileSystem, SECTOR_BYTES } from '../../core/file-system.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import { RUN } from '../run-columns.ts';
import { changeShards, openShards, type ShardChange, type ShardMap } from '../shard-map.ts';
import type {
  KeyedRequest,
  LogMoment,
  LogPosition,
  LogSlice,
  LogStatus,
  Placement,
  RecordBatch,
  Retention,
  Routing,
  SchemaVersion,
  StreamLog,
} from '../stream-store.ts';
import { commitBytesMax, measure, type PendingAppend } from './commit-layout.ts';
import type { IdempotencyWindow } from './idempotency-window.ts';
import { entriesEpoch, type LogDescription, storedDescription } from './log-description.ts';
import { filesOfState } from './log-moment.ts';
import { resharded, stillRunning } from './log-refusals.ts';
import { CONSUMERS, type NamedConsumers } from './named-consumers.ts';
import type { RawSegment } from './raw-segment.ts';
import { LIST as RAW_LIST, type RawSegments } from './raw-segments.ts';
import { bytesOf, expired, isDue, segmentBytesMax } from './retention.ts';
import type { Segment } from './segment.ts';
import { DESCRIPTION, type SegmentFolder } from './segment-folder.ts';
import { SegmentWriter } from './segment-writer.ts';

export interface OpenedLog {
  readonly name: string;
  readonly folder: SegmentFolder;
  readonly description: LogDescription;
  readonly retention: Retention;
  readonly segments: readonly Segment[];
  readonly damaged: readonly string[];
  readonly window: IdempotencyWindow;
  readonly named: NamedConsumers;
  readonly raw: RawSegments | undefined;
  /** True while nothing may be removed. */
  readonly isHeld: () => boolean;
}

export interface LogContext {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A write failed for another reason than a full disk: nothing can be acknowledged any more. */
  onFatal(error: MillraceError): void;
}

/** What waits for its turn between commits. */
interface PendingTask {
  run(): Promise<void>;
  reject(error: unknown): void;
}
type Pending = PendingAppend | PendingTask;
const isTask = (pending: Pending): pending is PendingTask => 'run' in pending;
const isAppend = (pending: Pending): pending is PendingAppend => !isTask(pending);

const COMMIT_BYTES_MAX = 16 * 1024 * 1024;
/** Holds back retention until the raw zone has what goes here; no named consumer can be called so. */
const RAW_CONSUMER = 'raw zone';

/**
 * The embedded log: one commit in flight, what arrives meanwhile is the next commit; appends are
 * acknowledged after it. Whatever else changes the log takes its turn between commits.
 */
export class SegmentStreamLog implements StreamLog {
  readonly name: string;
  readonly epoch: string;
  readonly lineage: readonly LogPosition[];
  readonly schemas: readonly SchemaVersion[];
  readonly #context: LogContext;
  readonly #folder: SegmentFolder;
  readonly #retention: Retention;
  readonly #segmentBytesMax: number;
  readonly #damaged: readonly string[];
  readonly #window: IdempotencyWindow;
  readonly #named: NamedConsumers;
  readonly #raw: RawSegments | undefined;
  readonly #isHeld: () => boolean;
  readonly #segments: Segment[];
  readonly #writer: SegmentWriter;
  readonly #ownConsumers = new Map<string, number>();
  readonly #pendingKeys = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #description: LogDescription;
  #routing: Routing;
  /** With the changes that wait for their turn: what the next change is made of. */
  #shardsToBe: ShardMap;
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #committing: Promise<void> | undefined;
  #failure: MillraceError | undefined;
  #held: LogStatus['held'] = null;
  /** Said once, not at every refused append. */
  #isFull = false;
  /** The one under way, or the last. */
  #trimming: Promise<unknown> = Promise.resolve();
  #removing: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(opened: OpenedLog, context: LogContext) {
    const { epoch, lineage, schemas, shards } = opened.description;
    this.name = opened.name;
    this.epoch = epoch;
    this.lineage = lineage;
    this.schemas = schemas;
    this.#context = context;
    this.#folder = opened.folder;
    this.#retention = opened.retention;
    this.#segmentBytesMax = segmentBytesMax(LIMITS.segmentBytesMax, opened.retention);
    this.#segments = [...opened.segments];
    this.#damaged = opened.damaged;
    this.#window = opened.window;
    this.#named = opened.named;
    this.#raw = opened.raw;
    this.#isHeld = opened.isHeld;
    this.#description = opened.description;
    this.#shardsToBe = shards;
    this.#routing = { version: 0, open: openShards(shards) };
    this.#writer = new SegmentWriter(
      context,
      this.#folder.path,
      entriesEpoch(opened.description),
      this.#segments,
    );
    const isSealed = this.#segments.at(-1)?.isSealed === true;
    if (isSealed || this.#lastSchemaVersion() !== this.schema.version) this.#writer.closeNext();
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

  get shards(): ShardMap {
    return this.#description.shards;
  }

  get routing(): Routing {
    return this.#routing;
  }

  get nextSequence(): number {
    return this.#segments.at(-1)?.nextSequence ?? 0;
  }

  get firstSequence(): number {
    return this.#rawOnly[0]?.firstSequence ?? this.firstRetained;
  }

  get firstRetained(): number {
    return this.#segments[0]?.firstSequence ?? 0;
  }

  get #rawOnly(): readonly RawSegment[] {
    return this.#raw?.below(this.firstRetained) ?? [];
  }

  append(batch: RecordBatch, request?: KeyedRequest): Promise<readonly Placement[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (batch.routing !== this.#routing.version) return Promise.reject(resharded(this.name));
    const measured = measure(batch, this.#routing.open.length);
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
    for (let next = this.#pending[0]; next; next = this.#pending[0]) {
      if (isTask(next)) {
        this.#pending.shift();
        await this.#runTask(next);
      } else await this.#commit(this.#takeAppends());
    }
  }

  async #runTask(task: PendingTask): Promise<void> {
    try {
      if (this.#failure) throw this.#failure;
      await task.run();
    } catch (error) {
      task.reject(await this.#failed(error));
    }
  }

  async #commit(appends: readonly PendingAppend[]): Promise<void> {
    try {
      if (this.#failure) throw this.#failure;
      const placed = await this.#writer.commit(appends, {
        schemaVersion: this.schema.version,
        shardIds: openShards(this.shards).map(({ id }) => id),
      });
      const { segment, entry, metadata, placements } = placed;
      if (metadata.length > 0)
        this.#window.add(metadata, segment.metadataFile, entry.metadataPosition, entry.timeMs);
      if (Math.max(segment.dataBytes, segment.keysBytes) >= this.#segmentBytesMax)
        this.#writer.closeNext();
      this.#noLongerFull();
      this.#settled(appends);
      for (let index = 0; index < appends.length; index++)
        appends[index]?.resolve(placements[index] ?? []);
      for (const listener of this.#listeners) listener();
    } catch (error) {
      const failure = await this.#failed(error);
      this.#settled(appends);
      for (const append of appends) append.reject(failure);
    }
  }

  #noLongerFull(): void {
    if (this.#isFull)
      this.#context.logger.warn({ stream: this.name }, 'there is space again: records are taken');
    this.#isFull = false;
  }

  /** Up to the next task, as many as one commit holds. */
  #takeAppends(): PendingAppend[] {
    const appends: PendingAppend[] = [];
    let bytes = 0;
    for (const pending of this.#pending) {
      if (isTask(pending)) break;
      bytes += pending.bytes;
      const isFull = commitBytesMax(bytes, this.#routing.open.length) > COMMIT_BYTES_MAX;
      if (isFull && appends.length > 0) break;
      appends.push(pending);
    }
    this.#pending.splice(0, appends.length);
    return appends;
  }

  #settled(appends: readonly PendingAppend[]): void {
    for (const append of appends) {
      this.#pendingBytes -= append.bytes;
      if (append.request) this.#pendingKeys.delete(append.request.key);
    }
  }

  /** Full disk: cut back to the last whole commit and go on. Anything else: never retry a failed write. */
  async #failed(error: unknown): Promise<MillraceError> {
    if (this.#failure) return this.#failure;
    if (isDiskFull(error) && (await this.#writer.cutBack())) {
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

  /** Takes its turn between commits. `undo` is called before anything behind it has its own. */
  #inTurn<T>(run: () => Promise<T>, undo: (error: unknown) => void = () => {}): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending.push({
        run: async () => resolve(await run()),
        reject: (error) => {
          undo(error);
          reject(error);
        },
      });
      this.#kick();
    });
  }

  async reshard(change: ShardChange): Promise<ShardMap> {
    if (this.#failure) throw this.#failure;
    const before = this.#shardsToBe;
    // Where it takes effect is known only when its turn has come; which shards there will be is known now.
    const shards = changeShards(before, change, this.nextSequence);
    if (shards === before) return before;
    this.#routeBy(shards);
    return this.#inTurn(
      async () => {
        const settled = changeShards(this.shards, change, this.nextSequence);
        const description = { ...this.#description, shards: settled };
        await this.#folder.writeDescription(description);
        this.#description = description;
        return settled;
      },
      (error) => this.#routeBack(error),
    );
  }

  #routeBy(shards: ShardMap): void {
    this.#shardsToBe = shards;
    this.#routing = { version: this.#routing.version + 1, open: openShards(shards) };
  }

  /** A change that could not be written: what was routed by it, or made of it, is refused. */
  #routeBack(error: unknown): void {
    this.#routeBy(this.shards);
    const refused = this.#pending;
    this.#pending = [];
    this.#settled(refused.filter(isAppend));
    for (const pending of refused) pending.reject(error);
  }

  async slices(from: number, until: number, bytesMax: number): Promise<LogSlice[]> {
    const slices: LogSlice[] = [];
    let left = bytesMax;
    for (const one of [...this.#rawOnly, ...this.#segments]) {
      if (left <= 0 || one.firstSequence >= until) break;
      if (one.nextSequence <= from) continue;
      const segment = 'place' in one ? await this.#raw?.fetch(one) : one;
      const found = segment?.slice(from, until, left);
      if (!found) continue;
      slices.push(found.slice);
      left -= found.bytes;
    }
    return slices;
  }

  get consumers(): ReadonlyMap<string, number> {
    return new Map([...this.#ownConsumers, ...this.#named.positions]);
  }

  get #waitedFor(): ReadonlyMap<string, number> {
    if (!this.#raw) return this.consumers;
    return new Map([...this.consumers, [RAW_CONSUMER, this.#raw.nextSequence]]);
  }

  get namedConsumers(): ReadonlySet<string> {
    return new Set(this.#named.positions.keys());
  }

  async firstAtOrAfter(timeMs: number): Promise<number> {
    const stored = this.#rawOnly.find((one) => one.lastTimeMs >= timeMs);
    if (stored && this.#raw) return this.#raw.firstAtOrAfter(stored, timeMs);
    const segment = this.#segments.find((one) => one.runs.length > 0 && one.lastTimeMs >= timeMs);
    return segment ? segment.runs.firstAtOrAfter(timeMs) : this.nextSequence;
  }

  setConsumer(name: string, next: number): void {
    this.#ownConsumers.set(name, next);
  }

  async commitConsumer(name: string, next: number): Promise<void> {
    if (this.#ownConsumers.has(name))
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        `'${name}' is the name of a consumer of the pipeline's own. Take another.`,
      );
    if (!Number.isSafeInteger(next) || next < 0 || next > this.nextSequence)
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        `A consumer of stream '${this.name}' can go on at 0 to ${this.nextSequence}, not at ${next}.`,
      );
    await this.#named.commit(name, next);
  }

  removeConsumer(name: string): Promise<boolean> {
    return this.#named.remove(name);
  }

  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  trim(): Promise<number> {
    const trimming = this.#trim();
    this.#trimming = trimming.catch(() => undefined);
    return trimming;
  }

  async #trim(): Promise<number> {
    const now = this.#context.clock.now();
    const newest = this.#segments.at(-1);
    if (newest && !this.#failure && isDue(newest, this.#retention, now))
      await this.#inTurn(() => this.#writer.roll());
    await this.#raw?.store(this.#segments);
    // Another log may have opened the folder since.
    if (this.#isClosed || this.#isHeld()) return 0;
    const { removable, held } = expired(this.#segments, this.#retention, this.#waitedFor, now);
    this.#say(held);
    this.#segments.splice(0, removable.length);
    const removing = this.#folder.removeSegments(removable, now - LIMITS.idempotencyWindowMs);
    this.#removing = removing.catch(() => undefined);
    await removing;
    await this.#raw?.trim(this.consumers.values());
    return removable.length;
  }

  /** Once for each consumer that begins to hold back. */
  #say(held: LogStatus['held']): void {
    if (held && held.consumer !== this.#held?.consumer)
      this.#context.logger.warn(
        { stream: this.name, ...held },
        'records past their retention stay: a consumer has not read them',
      );
    this.#held = held;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Once what was being removed is gone; what is to be held is held before. */
  async removed(): Promise<void> {
    await this.#removing;
  }

  moment(): LogMoment {
    const values = {
      [DESCRIPTION]: storedDescription(this.#description),
      ...(this.#named.positions.size > 0 ? { [CONSUMERS]: this.#named.stored } : {}),
      ...(this.#raw ? { [RAW_LIST]: this.#raw.stored } : {}),
    };
    const { name, nextSequence } = this;
    const { path: folder, answers } = this.#folder;
    const files = filesOfState({ segments: this.#segments, answers, values });
    return { name, folder, nextSequence, files };
  }

  status(): LogStatus {
    const last = this.#segments.at(-1);
    return {
      records: this.nextSequence - this.firstSequence,
      bytes: this.#segments.reduce((total, segment) => total + bytesOf(segment), 0),
      segments: this.#segments.length,
      firstSequence: this.firstSequence,
      nextSequence: this.nextSequence,
      lastAppendMs: last && last.lastTimeMs > 0 ? last.lastTimeMs : null,
      damaged: this.#damaged,
      held: this.#held,
      raw: this.#raw?.status ?? null,
    };
  }

  async close(): Promise<void> {
    this.#failure ??= new MillraceError(
      'MR_STOPPING',
      'The server is shutting down; send again once it is back.',
    );
    this.#isClosed = true;
    await this.#committing;
    // A trim that waits for a zone finds the log closed, whenever that answers.
    if ((await this.#raw?.close()) !== false) await this.#trimming;
    await this.#writer.close();
  }
}

/** Records never start inside a sector of another commit, so a torn write cannot reach acknowledged ones. */
invariant(COMMIT_BYTES_MAX % SECTOR_BYTES === 0, 'the commit buffer is made of sectors');
