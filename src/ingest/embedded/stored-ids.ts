import type { FileSystem } from '../../core/file-system.ts';
import { rawMembers } from '../../core/json-node.ts';
import { LIMITS } from '../../core/limits.ts';
import { fieldHistory, storedField } from '../../plan/field-history.ts';
import { endOfSlices, RUN, RUN_COLUMNS } from '../../stream/run-columns.ts';
import { type RunBytes, readRuns } from '../../stream/run-reader.ts';
import type { LogSlice, StreamLog } from '../../stream/stream-store.ts';
import { ID_WORDS } from '../dedupe-window.ts';
import { idText, type RecordIds } from '../record-id.ts';

export interface StoredIds {
  /** Hashes, ID_WORDS words each. */
  readonly words: Uint32Array;
  readonly timeMs: number;
  /** All records below have been read. */
  readonly until: number;
}

export interface StoredIdsOptions {
  readonly log: StreamLog;
  readonly ids: RecordIds;
  readonly files: FileSystem;
  readonly from: number;
  /** Records that arrived earlier are passed over. */
  readonly sinceMs: number;
}

/** Ids of the records of a log, in its order; those of damaged records are not there. */
export async function* readStoredIds(options: StoredIdsOptions): AsyncGenerator<StoredIds> {
  const { log, files, sinceMs, ids } = options;
  const end = log.nextSequence;
  for (let next = options.from; next < end; ) {
    const slices = await log.slices(next, end, LIMITS.hotBatchBytesMax);
    if (slices.length === 0) return;
    for await (const run of readRuns(
      files,
      slices.map((slice) => since(slice, sinceMs)),
    )) {
      const member = storedName(log.schemas, ids.field, run.schemaVersion);
      yield {
        words: idsOf(run, ids, member),
        timeMs: run.timeMs,
        until: run.firstSequence + run.count,
      };
    }
    next = endOfSlices(slices) ?? end;
  }
}

function since(slice: LogSlice, sinceMs: number): LogSlice {
  const { runs } = slice;
  let first = 0;
  while (first < runs.length && (runs[first + RUN.timeMs] as number) < sinceMs)
    first += RUN_COLUMNS;
  return { ...slice, runs: runs.subarray(first) };
}

/** What the field was called when the records were stored. */
function storedName(schemas: StreamLog['schemas'], name: string, version: number): string {
  const field = schemas.at(-1)?.fields.find((candidate) => candidate.name === name);
  const history = field && fieldHistory(field, schemas, version);
  return history ? storedField(history).name : name;
}

function idsOf({ bytes, count }: RunBytes, ids: RecordIds, member: string): Uint32Array {
  const words = new Uint32Array(count * ID_WORDS);
  let filled = 0;
  for (const line of bytes.toString().split('\n')) {
    const text = line === '' ? undefined : idText(memberOf(line, member));
    if (text === undefined) continue;
    ids.hashText(text, words, filled);
    filled += ID_WORDS;
  }
  return words.subarray(0, filled);
}

function memberOf(line: string, name: string): string | undefined {
  return rawMembers(line).find(([member]) => member === name)?.[1];
}
