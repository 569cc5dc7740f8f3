import type { NamedField } from '../core/field-types.ts';
import type { Shard, ShardChange, ShardMap } from './shard-map.ts';

/**
 * The durable log of all streams.
 *
 * Contract (each number has a test of that name in test/conformance/stream-store.ts):
 * S1  A record is on disk before `append` resolves.
 * S2  Sequence numbers are ordinals of the stream: they rise by one in the order records lie in the
 *     log, over all shards, are never reused and never come from a clock.
 * S3  Records of one shard keep the order in which they were appended; so do those of one key, across
 *     any change of the shards.
 * S4  A reader sees only what is durable.
 * S5  After a crash every acknowledged record is there; of what was not acknowledged, a whole commit or nothing.
 * S6  Damage is found, named and reported; it never hides the records behind it.
 * S7  Retention removes only closed segments that every consumer has passed, by age and by size, and
 *     says which consumer holds how much of what it would remove.
 * S8  A keyed request is stored once: its repeat gets the first answer, also after a restart.
 * S9  A full disk refuses appends with MR_STORAGE_FULL, keeps reads going, and appends work again by
 *     themselves once there is space. Any other failed write ends the log until it is opened again.
 * S10 Shards change while records come in: closed ones stay readable to their end, no id is used twice.
 * S11 A named consumer and its position survive a restart, until it is removed.
 * S12 With a raw zone a closed segment goes only once it is there, whole; from there it is read as from here,
 *     until its time there is over. While the zone is away nothing is lost and appends go on.
 * S13 Partition keys that producers gave stay with their records, wherever those go. Where damage takes them, no
 *     record is lost with them.
 * S14 A log that was put back to an earlier state has another epoch from there on, and says which it had before:
 *     also where only a consumer's checkpoint, beyond its end, tells that it was.
 * S15 While it is held nothing is removed, and what a moment names is all that was acknowledged until then: copied
 *     later, while records go on coming, it opens as the logs were at that moment.
 */
export interface StreamStore {
  /** Opens the stream's log, or creates it. One owner per folder. */
  open(settings: LogSettings): Promise<StreamLog>;
  /** Gives a stream's data another name; nothing happens where there is none, or the new name has some. */
  rename(from: string, to: string): Promise<void>;
  /** Names of the streams with stored data. */
  names(): Promise<string[]>;
  /** Bytes on disk under this name. */
  bytes(name: string): Promise<number>;
  /** Removes a stream's data for good, durably when it resolves; its log must not be open. */
  remove(name: string): Promise<void>;
  /** Says of a stream's log, which must not be open, that it was put back to what it is now (S14). */
  putBack(name: string): Promise<void>;
  /** What a log that is not open has; it is made ready as when it is opened, and damage is named. */
  inspect(name: string): Promise<LogContents>;
  /** Keeps all files there until it is released: for who copies them (S15). */
  hold(): Promise<StreamsHold>;
}

export interface LogContents {
  readonly nextSequence: number;
  readonly damaged: readonly string[];
}

export interface StreamsHold {
  /** What the logs are made of now. */
  moment(): readonly LogMoment[];
  release(): void;
}

export interface LogMoment {
  readonly name: string;
  readonly folder: string;
  /** Absent where the log is not open. */
  readonly nextSequence?: number;
  readonly files: readonly LogFile[];
}

/** A file of a log's folder: bytes of it, or a text that will have changed. */
export interface LogFile {
  readonly name: string;
  /** The first of them are of this moment; absent where all are, and where there is a text. */
  readonly bytes?: number;
  readonly text?: string;
}

export interface LogSettings {
  readonly name: string;
  /** As many even shards as that, wherever the number is another than when the log was opened before. */
  readonly shards: number;
  readonly retention: Retention;
  readonly schema: RecordSchema;
  readonly raw?: RawSettings | undefined;
  /** Of consumers that keep their positions elsewhere: one beyond the log's end says that it was put back. */
  readonly checkpoints?: readonly LogPosition[];
}

/** Every record of a log below a number. */
export interface LogPosition {
  readonly epoch: string;
  readonly next: number;
}

/** Where closed segments are stored, and how long they stay there. */
export interface RawSettings {
  /** A folder, or `s3://bucket/prefix`. */
  readonly to: string;
  readonly keepMs: number;
}

/** How long records stay, at least until every consumer has passed them. */
export interface Retention {
  readonly ageMs: number;
  /** Beyond so much the oldest go before their time. */
  readonly bytesMax?: number | undefined;
}

/** What the bytes of a record mean; kept with the log, as old segments are read by their own schema. */
export interface RecordSchema {
  readonly fields: readonly NamedField[];
  readonly unknown: 'refuse' | 'drop' | 'keep';
}

export interface SchemaVersion extends RecordSchema {
  readonly version: number;
}

/** Records as byte ranges of one buffer, each a single line of JSON without its newline. */
export interface RecordBatch {
  readonly bytes: Buffer;
  readonly count: number;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** Places in the routing's list. */
  readonly shards: Uint16Array;
  /** The partition keys that their producer gave, '' for none, kept beside them; undefined where it gave no record one. */
  readonly keys?: readonly string[] | undefined;
  /** Version of the routing that `shards` is of. */
  readonly routing: number;
}

/** The shards that take records now, in the order of their hash keys. */
export interface Routing {
  readonly version: number;
  readonly open: readonly Shard[];
}

/** Where the records of one shard of a batch went. Numbers of one shard rise with gaps. */
export interface Placement {
  readonly shard: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

/** Makes an append repeatable: `answer` is stored with the records and returned for a repeat. */
export interface KeyedRequest {
  readonly key: string;
  readonly bodyHash: string;
  answer(placements: readonly Placement[]): string;
}

/** Runs of records in one file, `RUN_COLUMNS` numbers each (see stream/run-columns.ts). */
export interface LogSlice {
  readonly file: string;
  /** The file of partition keys; it is there where a run has some. */
  readonly keysFile: string;
  readonly runs: Float64Array;
}

export interface LogStatus {
  readonly records: number;
  readonly bytes: number;
  readonly segments: number;
  readonly firstSequence: number;
  readonly nextSequence: number;
  readonly lastAppendMs: number | null;
  readonly damaged: readonly string[];
  /** What retention would remove if it were not for a consumer. */
  readonly held: { readonly consumer: string; readonly bytes: number } | null;
  /** What is in the raw zone: every record below `nextSequence` that is still kept. Null without one. */
  readonly raw: {
    readonly segments: number;
    readonly bytes: number;
    readonly nextSequence: number;
  } | null;
}

export interface StreamLog {
  readonly name: string;
  /**
   * Made anew with the log, and where it is put back to an earlier state: numbers from there on are given again.
   * What a checkpoint of another epoch means, `deliver/resume.ts` says.
   */
  readonly epoch: string;
  /** The epochs it had before it was put back, the oldest first: each with where the next one begins. */
  readonly lineage: readonly LogPosition[];
  /** Open ones, and closed ones with records. */
  readonly shards: ShardMap;
  readonly routing: Routing;
  readonly schema: SchemaVersion;
  readonly schemas: readonly SchemaVersion[];
  /**
   * @throws MillraceError MR_OVERLOADED, MR_STORAGE_FULL, MR_STORAGE_FAILED, MR_STOPPING; MR_RESHARDED where
   * the batch was routed before the shards changed
   */
  append(batch: RecordBatch, request?: KeyedRequest): Promise<readonly Placement[]>;
  /** The stored answer of a keyed request, or undefined. @throws MR_IDEMPOTENCY_MISMATCH for another body. */
  answered(key: string, bodyHash: string): Promise<string | undefined>;
  /** The number the next record gets; all below it are durable. */
  readonly nextSequence: number;
  /** The oldest number still readable, here or in the raw zone. */
  readonly firstSequence: number;
  /** The oldest number that retention has left here: what is read without asking the raw zone. */
  readonly firstRetained: number;
  /**
   * Where the records from `from` up to `until` (exclusive) lie, at most about `bytesMax`. The files can be opened for
   * minutes from then on.
   * @throws MillraceError MR_RAW_UNAVAILABLE where they are in a raw zone that is away
   */
  slices(from: number, until: number, bytesMax: number): Promise<LogSlice[]>;
  /**
   * Appends that came before go to the old shards, all others to the new ones.
   * @throws MillraceError MR_REQUEST_INVALID where the change cannot be made; else as `append`
   */
  reshard(change: ShardChange): Promise<ShardMap>;
  /** The number of the first record that arrived at `timeMs` or later; `nextSequence` where there is none yet. */
  firstAtOrAfter(timeMs: number): Promise<number>;
  /** A consumer that keeps its position elsewhere has durably used all records below `next`. */
  setConsumer(name: string, next: number): void;
  /** All consumers, named ones too, and what each reads next. */
  readonly consumers: ReadonlyMap<string, number>;
  /** The consumers whose positions the log keeps. */
  readonly namedConsumers: ReadonlySet<string>;
  /**
   * Keeps the position of a named consumer, on disk when it resolves; makes it where there is none.
   * @throws MillraceError MR_REQUEST_INVALID for a name or position that cannot be
   */
  commitConsumer(name: string, next: number): Promise<void>;
  /** False where there is none of that name. */
  removeConsumer(name: string): Promise<boolean>;
  /** Called after each commit with the new `nextSequence`. Returns the way to stop it. */
  onCommit(listener: () => void): () => void;
  /**
   * Removes what retention has ended, and closes a segment that grows old. Returns how many were removed.
   * The next is begun once this one has ended.
   */
  trim(): Promise<number>;
  status(): LogStatus;
  close(): Promise<void>;
}
