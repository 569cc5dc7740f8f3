import { MillraceError } from '../../core/errors.ts';
import type { LogPosition } from '../../stream/stream-store.ts';
import { entryRow, entrySequence, type LookupEnvironment } from './lmdb-environment.ts';
import type { LmdbLookupWriter } from './lmdb-lookup-writer.ts';
import { inShape } from './row-shape.ts';

/** What a lookup has, held against what log and table say it has. */
export interface LookupFindings {
  /** Null where it is not built yet. */
  readonly position: LogPosition | null;
  readonly entries: number;
  readonly missing: FoundKeys;
  /** Another row than the newest one of the key. */
  readonly changed: FoundKeys;
  /** Entries that no row says. */
  readonly extra: FoundKeys;
  readonly damaged: FoundKeys;
}

export interface FoundKeys {
  readonly count: number;
  /** Some of them, as JSON. */
  readonly keys: readonly string[];
}

/** The rows that there should be: each as JSON, with `_sequence_number`. */
export type ExpectedRows = (
  until: number,
  take: (rows: readonly string[]) => void,
) => Promise<void>;

const KEYS_MAX = 20;

/** LMDB gives a key of one part as that part. */
const keyText = (key: unknown): string => JSON.stringify([key].flat());

class Keys implements FoundKeys {
  readonly keys: string[] = [];
  count = 0;

  add(key: unknown): void {
    this.count += 1;
    if (this.keys.length < KEYS_MAX) this.keys.push(keyText(key));
  }

  get found(): FoundKeys {
    return { count: this.count, keys: this.keys };
  }
}

const none: FoundKeys = { count: 0, keys: [] };
const nothing = { missing: none, changed: none, extra: none, damaged: none };

/** All of one moment: entries go on being written meanwhile. `since`: older rows may be nowhere else. */
export async function verifyLookup(
  environment: LookupEnvironment,
  writer: LmdbLookupWriter,
  rowsUntil: ExpectedRows,
  since: number,
): Promise<LookupFindings> {
  const database = environment.lookup(writer.schema.name);
  // biome-ignore lint/correctness/useHookAtTopLevel: it is LMDB's, and no hook.
  const transaction = environment.root.useReadTransaction();
  const [missing, changed, extra, damaged] = [new Keys(), new Keys(), new Keys(), new Keys()];
  try {
    const position = writer.position({ transaction });
    if (!position) return { position: null, entries: 0, ...nothing };
    const until = position.next;
    let known = 0;
    await rowsUntil(until, (rows) => {
      for (const { key, sequence, json } of rows.flatMap((row) => writer.expected(row) ?? [])) {
        const entry = database.get(key, { transaction });
        const text = entry && textOf(writer, entry);
        if (entry) known += 1;
        if (!entry) missing.add(key);
        else if (entrySequence(entry) !== sequence || (text ?? json) !== json) changed.add(key);
      }
    });
    let entries = 0;
    for (const { key, value } of database.getRange({ transaction })) {
      entries += 1;
      if (textOf(writer, value) === undefined) damaged.add(key);
    }
    // Only where there are more of them than should be: all keys are in memory for it.
    const should = known < entries ? await keysUntil(until, writer, rowsUntil) : undefined;
    for (const { key, value } of should ? database.getRange({ transaction }) : [])
      if (entrySequence(value) >= since && !should?.has(keyText(key))) extra.add(key);
    return {
      position,
      entries,
      missing: missing.found,
      changed: changed.found,
      extra: extra.found,
      damaged: damaged.found,
    };
  } finally {
    transaction.done();
  }
}

async function keysUntil(
  until: number,
  writer: LmdbLookupWriter,
  rowsUntil: ExpectedRows,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  await rowsUntil(until, (rows) => {
    for (const { key } of rows.flatMap((row) => writer.expected(row) ?? [])) keys.add(keyText(key));
  });
  return keys;
}

/** Undefined where it is damaged. */
function textOf({ schema, shape }: LmdbLookupWriter, entry: Buffer): string | undefined {
  try {
    const row = entryRow(schema.name, entry);
    return row.shape === shape.number ? row.json : inShape(row.json, shape);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'MR_STORAGE_DAMAGED') return undefined;
    throw error;
  }
}
