import type { WrittenLookup } from '../lookup/embedded/lmdb-lookup-writer.ts';
import type { LookupFindings } from '../lookup/embedded/verify-lookup.ts';
import type { LogPosition, LogSlice, SchemaVersion } from '../stream/stream-store.ts';

/** What the worker child keeps: all lookups, by the stream they are made of. */
export interface WorkerSetup {
  readonly streams: readonly {
    readonly name: string;
    readonly lookups: readonly WrittenLookup[];
  }[];
}

export type WorkerMethods = {
  configure: [params: WorkerSetup, result: null];
  /** Holds a lookup against the rows that log and table say it has. */
  verify: [params: { readonly lookup: string }, result: LookupFindings];
  rebuild: [params: { readonly lookup: string }, result: { readonly entries: number }];
};

export interface RecordsAnswer {
  readonly epoch: string;
  readonly lineage: readonly LogPosition[];
  readonly firstSequence: number;
  /** The oldest number of which log or table tell all rows. */
  readonly oldest: number;
  readonly nextSequence: number;
  readonly slices: readonly LogSlice[];
  /** What the records of the slices were stored under. */
  readonly schemas: readonly SchemaVersion[];
}

/** What the worker asks of main. */
export type WorkerHostMethods = {
  /** Records from `from` on; waits a while where there are none. All below `from` are in the lookups. */
  records: [
    params: { readonly stream: string; readonly from: number | null },
    result: RecordsAnswer,
  ];
  /** Rows of the stream's table below `until` as NDJSON chunks: those the log no longer has. */
  tableRows: [params: { readonly stream: string; readonly until: number }, result: null];
  /** The rows that a lookup should have once it has all records below `until`, as NDJSON chunks. */
  lookupRows: [params: { readonly lookup: string; readonly until: number }, result: null];
  refused: [
    params: {
      readonly stream: string;
      readonly letters: readonly { readonly record: string; readonly message: string }[];
    },
    result: null,
  ];
};
