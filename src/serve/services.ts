import type { Clock } from '../core/clock.ts';
import type { MillraceError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { DashboardAnswer, DataVersion } from '../dashboard/answer.ts';
import type { Picture } from '../dashboard/renderer.ts';
import type { Role } from '../govern/key-store.ts';
import type { LoggedIn, LoginRequest, Logins } from '../govern/logins.ts';
import type { IngestResult, RequestOptions } from '../ingest/ingest.ts';
import type { Catalog, TableName } from '../lake/catalog.ts';
import type { Compacted, Expired } from '../lake/maintenance.ts';
import type { AskedRetention, SnapshotInfo, SnapshotPlace } from '../lake/table-store.ts';
import type { DashboardRequest } from '../live/live-plan.ts';
import type { LookupPage, LookupQuery } from '../lookup/lookup-store.ts';
import type { Plan } from '../plan/plan.ts';
import type { QueryEngine } from '../query/query-engine.ts';
import type { QueryLog } from '../query/query-log.ts';
import type { SavedQuery } from '../query/saved-query.ts';
import type { Run } from '../schedule/run-store.ts';
import type { RecordForm } from '../stream/record-lines.ts';
import type { ShardChange, ShardMap } from '../stream/shard-map.ts';
import type { AttributeStore } from '../stream/stream-attributes.ts';
import type { WireStreams } from './aws/wire-streams.ts';

/** Who asks. */
export interface Principal {
  readonly kind: 'key' | 'user';
  readonly id: string;
  readonly roles: readonly Role[];
}

export type ReadStart =
  | 'earliest'
  | 'latest'
  | { readonly timeMs: number }
  | { readonly sequence: number };

export interface AskedRecords {
  readonly form: RecordForm;
  readonly from: ReadStart;
  /** Only records that arrived then or later; also where a reader goes on that began at a time. */
  readonly sinceMs?: number;
  /** Exclusive. */
  readonly until?: number;
  readonly shards?: readonly number[];
  /** Only records with this partition key. */
  readonly key?: string;
  readonly limit?: number;
  /** True where records that come later are wanted too. */
  readonly follow: boolean;
}

/** Records of a stream, piece by piece; goes on when a changed pipeline is put in place. */
export interface RecordFeed {
  /** Every record below it was sent or passed over. */
  readonly position: number;
  /** Why there is nothing more to read of what was asked for; undefined while there may be. */
  readonly done: 'until' | 'limit' | undefined;
  /** The next piece, empty where nothing passed; undefined where the stream is no more. */
  next(): Promise<Buffer | undefined>;
  /** Resolves once there may be more, or at `signal`; false where the time went by. */
  more(waitMs: number, signal: AbortSignal): Promise<boolean>;
}

/** What the doors serve. Each may wait while a changed pipeline is put in place. */
export interface LakeTableServices {
  names(): Promise<readonly (TableName & { readonly isDefined: boolean })[]>;
  /** At most so many jobs; `left`: those that remain. */
  compact(table: TableName, jobs: number): Promise<Compacted & { readonly left: number }>;
  expire(table: TableName, retention: AskedRetention): Promise<Expired>;
  /** `redeliver`: the stream's records since that snapshot are delivered again. */
  rollback(table: TableName, to: SnapshotPlace, redeliver: boolean): Promise<SnapshotInfo>;
}

export interface Services {
  readonly logger: Logger;
  readonly clock: Clock;
  /** The data folder: no answer tells where it is. */
  readonly folder: string;
  /** False where nothing asks for a key or a login (`dev` on loopback). */
  readonly requiresKeys: boolean;
  /** Host names the server answers for, besides the loopback ones. */
  readonly allowedHosts: readonly string[];
  readonly query: QueryEngine;
  readonly queryLog: QueryLog;
  readonly savedQueries: AttributeStore<SavedQuery>;
  /** Who sends this key. */
  authenticate(key: string): Principal | undefined;
  /** The key of this id, for a request that is signed (SigV4), and the secret it signs with. */
  signer(id: string): { readonly principal: Principal; readonly secret: string } | undefined;
  /** Whether the server waits for its first administrator. */
  isClaimable(): boolean;
  /** Exchanges the claim token of the first start for an admin key. @throws MR_ACCESS_CLAIMED, MR_ACCESS_DENIED */
  claimKey(token: string): Promise<{ id: string; secret: string }>;
  /** Exchanges it for the first user, logged in. @throws the same, and what adding a user does */
  claimUser(token: string, user: Omit<LoginRequest, 'address'>): Promise<LoggedIn>;
  readonly logins: Logins;
  keys: {
    create(roles: readonly Role[], label: string): Promise<{ id: string; secret: string }>;
    list(): readonly {
      id: string;
      roles: readonly Role[];
      label: string;
      created: string;
      revoked: string | null;
    }[];
    revoke(id: string): Promise<boolean>;
  };
  readonly catalog: Catalog;
  readonly lakeTables: LakeTableServices;
  plan(): Plan;
  /** What programs that speak Kinesis and Firehose are given. */
  readonly wireStreams: WireStreams;
  /** The numbers of a dashboard, all of one moment that is not before this call. */
  answerDashboard(request: DashboardRequest, signal: AbortSignal): Promise<DashboardAnswer>;
  /** A chart or a dashboard, with numbers that were answered, as SVG or PNG. */
  drawPicture(picture: Picture, signal: AbortSignal): Promise<Uint8Array>;
  dataVersion(): DataVersion;
  /** Stores the records of a request. */
  take(stream: string, body: AsyncIterable<Buffer>, request: RequestOptions): Promise<IngestResult>;
  /** Sends dead letters again. `where`: a condition of SQL over `deadletters.<stream>`. */
  redrive(stream: string, where: string | undefined): Promise<RedriveResult>;
  shards(stream: string): Promise<ShardMap>;
  /** @throws MillraceError MR_REQUEST_INVALID for a change that cannot be made */
  reshard(stream: string, change: ShardChange): Promise<ShardMap>;
  consumers(stream: string): Promise<readonly StreamConsumer[]>;
  /** Keeps where a named consumer goes on. @throws MillraceError MR_REQUEST_INVALID */
  commitConsumer(stream: string, consumer: string, next: number): Promise<void>;
  /** False where the stream has no such named consumer. */
  removeConsumer(stream: string, consumer: string): Promise<boolean>;
  /** @throws MillraceError where the stream is not there, or the range is not. */
  readRecords(stream: string, asked: AskedRecords): Promise<RecordFeed>;
  readLookup(name: string, query: LookupQuery): Promise<LookupPage>;
  runModel(name: string): Promise<Run>;
  /** Builds a lookup again from log and lake. Returns its number of entries. */
  replay(stream: string, lookup: string): Promise<number>;
  /** What a definition that is gone left stored. @throws MR_PLAN_DEFINED, MR_PLAN_UNKNOWN */
  removedData(name: string): Promise<readonly RemovedPart[]>;
  /** Removes it for good. @throws the same */
  drop(name: string): Promise<readonly RemovedPart[]>;
  /** Copies all there is to a folder of this machine. @throws MR_BACKUP_REFUSED, MR_BACKUP_FAILED, MR_STORAGE_LOCKED */
  backUp(
    request: { readonly to: string; readonly keep?: number },
    onProgress: (progress: object) => void,
    signal: AbortSignal,
  ): Promise<object>;
  /** Holds log, lake and lookups against each other; of all, or of what has the name. @throws MR_PLAN_UNKNOWN */
  verify(
    name: string | undefined,
    tell: (event: { readonly event: string }) => void,
    signal: AbortSignal,
  ): Promise<object>;
  status(): Promise<StatusReport>;
  /** Undefined when everything answers; else what does not yet. */
  notReady(): MillraceError | undefined;
}

export interface RedriveResult {
  /** Letters whose records are stored now. */
  readonly redriven: number;
  /** Letters that were refused again, and stay. */
  readonly refused: number;
  /** Letters of lookups, whose records are in the stream: they are left alone. */
  readonly ofLookups: number;
  /** Why letters were refused again, and how many for that. */
  readonly reasons: { readonly [message: string]: number };
}

export interface RemovedPart {
  /** `stream sales`, `table lake.sales`. */
  readonly what: string;
  /** Null where it shares a file with others: its space is used again. */
  readonly bytes: number | null;
  /** Null where it is counted in bytes. */
  readonly entries: number | null;
}

export interface StreamConsumer {
  readonly name: string;
  /** True where the log keeps its position; others are the pipeline's own. */
  readonly named: boolean;
  /** Sequence number. */
  readonly next: string;
  /** Records. */
  readonly lag: number;
}

export interface StatusReport {
  readonly streams: readonly {
    readonly name: string;
    readonly records: number;
    readonly bytes: number;
    readonly undelivered: number | null;
    readonly deliveryError: string | null;
    /** Of files beside the table. */
    readonly files: {
      readonly target: string;
      readonly lag: number;
      readonly error: string | null;
    } | null;
    readonly deadLetters: number;
    readonly consumers: { readonly [name: string]: number };
    /** Who keeps records past their retention. */
    readonly held: { readonly consumer: string; readonly bytes: number } | null;
  }[];
  readonly models: readonly {
    readonly name: string;
    readonly rows: number | null;
    readonly state: string;
    readonly error: string | null;
    readonly lastRun: string | null;
  }[];
  readonly lookups: readonly { readonly name: string; readonly entries: number }[];
  readonly processes: readonly {
    readonly name: string;
    readonly pid: number | null;
    readonly restarts: number;
  }[];
}
