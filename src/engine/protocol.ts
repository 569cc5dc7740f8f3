import type { NamedField } from '../core/field-types.ts';
import type { DashboardAnswer } from '../dashboard/answer.ts';
import type { Prefix } from '../definition/file-prefix.ts';
import type { DeliveredFormat, FileCompression } from '../definition/files.ts';
import type { TableScan } from '../lake/iceberg/live-files.ts';
import type { IcebergType } from '../lake/iceberg/metadata.ts';
import type { DashboardRequest, LivePlan } from '../live/live-plan.ts';
import type { RenderedCheck } from '../plan/render-sql.ts';
import type { Relation } from '../query/statement-gate.ts';
import type { Parameters } from '../query/statement-parameters.ts';
import type { LogSlice, SchemaVersion } from '../stream/stream-store.ts';

/** What crosses between `main` and the DuckDB children. All of it is data. */

/** A column of a stored table, with the id its Parquet files know it by. */
export interface StoredColumn {
  readonly name: string;
  readonly id: number;
  /** With the ids of its parts. */
  readonly type: IcebergType;
}

export interface EngineStream {
  readonly name: string;
  /** `lake` for the user's streams, `deadletters` for what they refused. */
  readonly schema: 'lake' | 'deadletters';
  readonly fields: readonly NamedField[];
  /** True where unknown members are kept in `_rest`. */
  readonly rest: boolean;
  readonly schemas: readonly SchemaVersion[];
  /** Where each key has one row. */
  readonly upsert?: UpsertKey;
  /** Columns of its table, `_shard`, `_sequence_number` and `_arrived_at` among them; empty without a table. */
  readonly columns: readonly StoredColumn[];
}

export interface UpsertKey {
  readonly key: readonly string[];
  readonly tombstone?: string;
}

export interface EngineModel {
  readonly name: string;
  readonly materialize: 'table' | 'view';
  readonly sql: string;
  /** Known once the engine has described it. */
  readonly columns: readonly StoredColumn[];
}

export interface EngineLookup {
  readonly name: string;
  readonly from: string;
  readonly key: string;
  readonly sort: readonly (string | null)[];
  readonly tombstone?: string;
}

/** The relations of the pipeline; the rows behind them change without it. */
export interface CatalogState {
  readonly streams: readonly EngineStream[];
  readonly models: readonly EngineModel[];
  readonly lookups: readonly EngineLookup[];
}

export interface ServedCatalog extends CatalogState {
  /** Another one after each change of the pipeline. */
  readonly id: string;
}

/** What a child has of a stream, so that only the news is sent. */
export interface StreamKnown {
  readonly schema: 'lake' | 'deadletters';
  readonly name: string;
  readonly filesVersion: number;
  readonly rowsVersion: number;
  /** No row below is among those in memory. */
  readonly first: number;
  readonly next: number;
}

export interface StreamNews {
  readonly schema: 'lake' | 'deadletters';
  readonly name: string;
  readonly filesVersion: number;
  /** Another one than the child's: rows it has may be no rows any more, or not be in files any more. */
  readonly rowsVersion: number;
  /** Absent where the child's files are current. Columns change with them: other programs widen some. */
  readonly table?: Pick<TableNews, 'columns' | 'scan'>;
  /** Rows below this are in the files, and must not be hot any more. */
  readonly delivered: number;
  /** Everything below this was acknowledged when the query began. */
  readonly end: number;
  readonly slices: readonly LogSlice[];
}

export interface TableNews extends Relation {
  readonly version: number;
  readonly columns: readonly StoredColumn[];
  readonly scan: TableScan;
}

export interface SystemTable {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

/** How far a stream is. */
export type StreamStand = Omit<StreamNews, 'table' | 'slices'>;

/** What there was when a query was asked. */
export interface QueryMoment {
  readonly catalog: string;
  readonly streams: readonly StreamStand[];
  /** Of the pipeline's models, those that have a result. */
  readonly tables: readonly (Relation & { readonly version: number })[];
}

export interface SyncRequest {
  readonly streams: readonly StreamKnown[];
  readonly tables: readonly (Relation & { readonly version: number })[];
  readonly past: readonly PastTable[];
  readonly system: readonly string[];
}

/** A table as it was. */
export interface PastTable extends Relation {
  readonly when: PastMoment;
  /** What the child shows it as. */
  readonly view: string;
}

/** Ids of snapshots have 63 bits: they cross as text. */
export type PastMoment = { readonly snapshotId: string } | { readonly timeMs: number };

export interface PastState {
  readonly columns: readonly StoredColumn[];
  readonly scan: TableScan;
}

export interface SyncAnswer {
  readonly streams: readonly StreamNews[];
  readonly tables: readonly TableNews[];
  /** In the order asked for. */
  readonly past: readonly PastState[];
  readonly system: readonly SystemTable[];
}

/** What the sql child may ask of main. */
export type HostMethods = {
  /** Tables of the lake that the catalog does not name: other programs make and drop them at any time. */
  foreignTables: [params: null, result: readonly Relation[]];
  sync: [params: SyncRequest, result: SyncAnswer];
  /** Waits for data files that `sync` said are to come. */
  fetch: [params: SyncRequest, result: null];
};

/** `json` has rows as lists, `objects` as objects. */
export type ResultFormat = 'json' | 'objects' | 'ndjson' | 'csv' | 'parquet' | 'arrow';

export interface QueryRequest {
  readonly sql: string;
  readonly params: Parameters;
  readonly format: ResultFormat;
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** How long it may wait until the rows it must see are loaded. */
  readonly waitMs: number;
  /** Who has all of it has no need to ask for news. */
  readonly moment?: QueryMoment;
}

/** A whole result: in memory where it is small, else in a file that the receiver removes. */
export type ResultBytes = { readonly bytes: Uint8Array } | ResultFile;

export interface ResultFile {
  readonly file: string;
  /** Texts around the file's bytes from `from` on. */
  readonly head: string;
  readonly from: number;
  readonly tail: string;
}

export type QueryResult = ResultBytes & {
  readonly rows: number;
  /** Absent where the same question may have another answer though nothing changed. */
  readonly basis?: ResultBasis;
};

/** What a result was made of. While all of it is as it was, so is the result. */
export interface ResultBasis {
  readonly catalog: string;
  readonly streams: readonly StreamKnown[];
  readonly tables: readonly (Relation & { readonly version: number })[];
}

/** A Parquet file as COPY … RETURN_STATS tells of it; texts are parsed where the types are known. */
export interface WrittenFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** By quoted column path, as DuckDB writes it. */
  readonly statistics: { readonly [column: string]: { readonly [statistic: string]: string } };
  /** Partition value per partition field of the spec, as text; null for NULL. */
  readonly partition: readonly (string | null)[];
  readonly specId: number;
  /** Of the sort order its rows are in; 0 where they are in none. */
  readonly sortOrderId: number;
}

export interface PartitionColumn {
  /** A DuckDB expression over the table's columns. */
  readonly expression: string;
  /** True where values can be longer than a folder's name may be. */
  readonly isText: boolean;
}

export interface WriteTarget {
  /** Folder for the files; exists. */
  readonly folder: string;
  readonly columns: readonly StoredColumn[];
  /** Of the partition spec. */
  readonly partitions: readonly PartitionColumn[];
  readonly specId: number;
  /** What rows of a file are sorted by: an ORDER BY, or nothing. */
  readonly sortBy: string;
  /** Of the table's sort order that this is; 0 where it is none. */
  readonly sortOrderId: number;
}

export interface DeliverRequest extends WriteTarget {
  readonly stream: EngineStream;
  readonly slices: readonly LogSlice[];
  readonly from: number;
  readonly until: number;
  /** Where each key has one row. */
  readonly merge?: MergeInput;
}

/** The table that changes are merged into. */
export interface MergeInput {
  readonly scan: TableScan;
  /** Of each file of the scan the group that deletes of it are written for: one partition. */
  readonly groups: readonly number[];
}

/** Places of rows that are no more, in a Parquet file. */
export interface WrittenDeletes {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of `MergeInput`. */
  readonly group: number;
  /** Data files it names. */
  readonly of: readonly string[];
}

export interface DeliverResult {
  readonly files: readonly WrittenFile[];
  readonly deletes?: readonly WrittenDeletes[];
  readonly damage: readonly string[];
  /** Why the quick way was left, where it was tried. */
  readonly detour?: string;
}

/** Files of a plain format; `partitionKeys` are DuckDB expressions over the columns of a record. */
export interface DeliverFilesRequest {
  readonly stream: EngineStream;
  readonly slices: readonly LogSlice[];
  readonly from: number;
  readonly until: number;
  readonly format: DeliveredFormat;
  readonly compression: FileCompression;
  readonly prefix: Prefix;
  readonly errorPrefix: Prefix;
  readonly partitionKeys: readonly { readonly name: string; readonly expression: string }[];
  /** An empty folder for unfinished files. */
  readonly folder: string;
  /** What each file's name has of the batch: no other batch has it. */
  readonly name: string;
}

/** A file that is durable, and not yet where it belongs. */
export interface StagedFile {
  readonly path: string;
  /** Where it belongs below the target, with `/` between folders. */
  readonly name: string;
  readonly rows: number;
  /** Of records that have no place. */
  readonly isError: boolean;
}

export interface DeliverFilesResult {
  readonly files: readonly StagedFile[];
  readonly damage: readonly string[];
  /** Why the quick way was left, where it was tried. */
  readonly detour?: string;
}

export interface RunModelRequest extends WriteTarget {
  readonly catalog: CatalogState;
  readonly scans: { readonly [relation: string]: TableScan };
  readonly sql: string;
  readonly checks: readonly RenderedCheck[];
}

export interface CheckOutcome {
  readonly name: string;
  readonly severity: 'error' | 'warn';
  readonly failures: number;
  /** A row that breaks the rule, as JSON. */
  readonly sample?: string;
}

export interface RunModelResult {
  readonly files: readonly WrittenFile[];
  readonly rows: number;
  readonly checks: readonly CheckOutcome[];
}

export interface DescribeRequest {
  readonly catalog: CatalogState;
  /** Further queries that must be right: measures and values of charts. */
  readonly queries: readonly { readonly name: string; readonly sql: string }[];
  readonly checks: readonly { readonly model: string; readonly check: RenderedCheck }[];
}

export interface Described {
  readonly name: string;
  readonly columns: readonly NamedField[];
  /** Relations its text names, found by the engine's parser. */
  readonly reads: readonly { readonly schema: string; readonly name: string }[];
  readonly error?: { readonly message: string; readonly position?: number };
}

export interface ReadTableRequest {
  readonly scan: TableScan;
  readonly columns: readonly StoredColumn[];
  readonly until: number;
}

/** Rows of files as new files: `columns` are those of both. */
export interface CompactRequest extends WriteTarget {
  readonly scan: TableScan;
}

export interface CompactResult {
  readonly files: readonly WrittenFile[];
}

/** Rows and records of numbers [from, until). */
export interface VerifyTableRequest {
  readonly stream: EngineStream;
  readonly slices: readonly LogSlice[];
  readonly scan: TableScan;
  readonly from: number;
  readonly until: number;
  /** Numbers of rows that may be there besides those of the log. */
  readonly apart: readonly { readonly from: number; readonly next: number }[];
  /** The log has them no more: all that can be said is whether they are there once. */
  readonly isOlder: boolean;
}

export interface FoundNumbers {
  readonly count: number;
  /** First and last of neighbours; not all where there are many. */
  readonly ranges: readonly (readonly [first: number, last: number])[];
}

export interface VerifyRecordsResult {
  readonly records: number;
  readonly damage: readonly string[];
}

export interface VerifyTableResult extends VerifyRecordsResult {
  readonly rows: number;
  /** Records without a row. */
  readonly missing: FoundNumbers;
  readonly doubled: FoundNumbers;
  /** Rows without a record. */
  readonly unknown: FoundNumbers;
  /** Rows with other values than their records. */
  readonly changed: FoundNumbers;
}

export interface FileRows {
  readonly path: string;
  readonly rows?: number;
  readonly error?: string;
}

export interface LookupRowsRequest {
  readonly stream: EngineStream;
  readonly lookup: EngineLookup;
  /** Of its rows those below `delivered` are taken, and what is in the slices from there on. */
  readonly scan: TableScan | undefined;
  readonly delivered: number;
  readonly slices: readonly LogSlice[];
  readonly until: number;
}

/** What main may ask of the engine child. */
export type EngineMethods = {
  describe: [params: DescribeRequest, result: readonly Described[]];
  deliver: [params: DeliverRequest, result: DeliverResult];
  deliverFiles: [params: DeliverFilesRequest, result: DeliverFilesResult];
  compact: [params: CompactRequest, result: CompactResult];
  runModel: [params: RunModelRequest, result: RunModelResult];
  /** Rows of a stream's files below a sequence number, in order, as NDJSON. */
  readTable: [params: ReadTableRequest, result: { readonly rows: number }];
  verifyRecords: [params: { readonly slices: readonly LogSlice[] }, result: VerifyRecordsResult];
  verifyTable: [params: VerifyTableRequest, result: VerifyTableResult];
  /** What Parquet files say of themselves. */
  fileRows: [params: { readonly paths: readonly string[] }, result: readonly FileRows[]];
  /** The rows that a lookup should have, as NDJSON. */
  lookupRows: [params: LookupRowsRequest, result: { readonly rows: number }];
  readParquet: [params: { readonly path: string }, result: { readonly rows: number }];
};

/** What main may ask of the sql child. */
export type SqlMethods = {
  /** Words that can stand next, by the engine's grammar. */
  complete: [params: { readonly sql: string }, result: readonly string[]];
  configure: [params: ServedCatalog, result: null];
  query: [params: QueryRequest, result: QueryResult];
};

export interface LiveSetup {
  readonly catalog: CatalogState;
  readonly plan: LivePlan;
}

/** What main may ask of the live child. */
export type LiveMethods = {
  configure: [params: LiveSetup, result: null];
  dashboard: [params: DashboardRequest, result: DashboardAnswer];
};
