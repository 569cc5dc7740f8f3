import type { GetOptions } from 'lmdb';
import { LIMITS } from '../../core/limits.ts';
import { committed } from '../../core/lmdb-commit.ts';
import { type CanonicalRow, canonicalRow } from '../../ingest/canonical-row.ts';
import type { StoredRecord } from '../../ingest/stored-record.ts';
import type { LogPosition } from '../../stream/stream-store.ts';
import { type KeyPart, keyBytes, keyPartOfJson } from '../lookup-key.ts';
import type { LookupSchema } from '../lookup-store.ts';
import {
  entrySequence,
  type LookupDatabase,
  type LookupEnvironment,
  packEntry,
} from './lmdb-environment.ts';
import { type RowShape, shapeOf } from './row-shape.ts';

export interface WrittenLookup extends LookupSchema {
  readonly tombstone?: string;
  /** Changes when key, sort or source change: then the entries are built anew. */
  readonly fingerprint: string;
}

/** A record whose key is too long for an entry. */
export interface LookupRefusal {
  readonly sequence: number;
  readonly record: string;
  readonly message: string;
}

/** Writes one lookup, in the worker child. */
export class LmdbLookupWriter {
  readonly schema: WrittenLookup;
  readonly #environment: LookupEnvironment;
  readonly #database: LookupDatabase;
  readonly #keyAt: number;
  readonly #sortAt: readonly (number | null)[];
  readonly #tombstoneAt: number;
  readonly shape: RowShape;

  constructor(environment: LookupEnvironment, schema: WrittenLookup) {
    const at = (name: string) => schema.fields.findIndex((field) => field.name === name);
    this.schema = schema;
    this.#environment = environment;
    this.#database = environment.lookup(schema.name);
    this.#keyAt = at(schema.key.name);
    this.#sortAt = schema.sort.map((field) => (field ? at(field.name) : null));
    this.shape = shapeOf(schema.fields);
    this.#tombstoneAt = schema.tombstone === undefined ? -1 : at(schema.tombstone);
  }

  /** The position that was saved; undefined where there are no entries, or those of another key. */
  position(options: GetOptions = {}): LogPosition | undefined {
    const stored = this.#environment.positions.get(this.schema.name, options);
    if (stored === undefined) return undefined;
    const { epoch, next, fingerprint } = JSON.parse(stored) as LogPosition & {
      fingerprint: string;
    };
    return fingerprint === this.schema.fingerprint && next >= 0 ? { epoch, next } : undefined;
  }

  /** Drops all entries; until a position is saved they count as not there. */
  async reset(epoch: string): Promise<void> {
    await this.#transaction(() => {
      this.#database.clearSync();
      this.#putPosition(epoch, -1);
    });
  }

  /** Writes rows of the stream's table: canonical JSON with `_sequence_number`. */
  async writeRows(rows: readonly string[]): Promise<void> {
    await this.#transaction(() => {
      for (const row of rows) {
        this.#put(canonicalRow(row, this.shape.fields), sequenceOf(row));
      }
    });
  }

  /** What a row of the stream's table should be as an entry; undefined for one without. */
  expected(row: string): { key: KeyPart[]; sequence: number; json: string } | undefined {
    const sequence = sequenceOf(row);
    const { values, json } = canonicalRow(row, this.shape.fields);
    const key = this.#keyOf(values, sequence);
    return key && { key, sequence, json };
  }

  async savePosition(epoch: string, next: number): Promise<void> {
    await this.#transaction(() => this.#putPosition(epoch, next));
  }

  /** Writes records and the position behind them in one transaction. Returns what had no place. */
  async write(
    epoch: string,
    records: readonly StoredRecord[],
    from: number,
    next: number,
  ): Promise<LookupRefusal[]> {
    const refused: LookupRefusal[] = [];
    await this.#transaction(() => {
      for (const record of records) if (record.sequence >= from) this.#write(record, refused);
      this.#putPosition(epoch, next);
    });
    return refused;
  }

  #transaction(write: () => void): Promise<void> {
    return committed(this.#environment.root.transaction(write));
  }

  #putPosition(epoch: string, next: number): void {
    this.#environment.positions.putSync(
      this.schema.name,
      JSON.stringify({ epoch, next, fingerprint: this.schema.fingerprint }),
    );
  }

  #write({ sequence, line, row }: StoredRecord, refused: LookupRefusal[]): void {
    const bytes = this.#put(row, sequence);
    if (bytes <= LIMITS.lookupKeyBytesMax) return;
    const message = `The key of lookup '${this.schema.name}' has ${bytes} bytes; at most ${LIMITS.lookupKeyBytesMax} are allowed.`;
    refused.push({ sequence, record: line, message });
  }

  /** Returns the bytes of the key; a key over the limit is not stored. */
  #put(row: CanonicalRow, sequence: number): number {
    const key = this.#keyOf(row.values, sequence);
    if (!key) return 0;
    const bytes = keyBytes(key);
    if (bytes > LIMITS.lookupKeyBytesMax) return bytes;
    const stored = this.#database.get(key);
    if (stored && entrySequence(stored) > sequence) return bytes;
    if (this.#tombstoneAt >= 0 && row.values[this.#tombstoneAt] === 'true')
      this.#database.removeSync(key);
    else
      this.#database.putSync(
        key,
        packEntry(sequence, { shape: this.shape.number, json: row.json }),
      );
    return bytes;
  }

  /** Undefined where a part is null: such a record has no entry. */
  #keyOf(values: readonly string[], sequence: number): KeyPart[] | undefined {
    const key = keyPartOfJson(this.schema.key, values[this.#keyAt] as string);
    if (key === undefined) return undefined;
    const parts: KeyPart[] = [key];
    for (const [index, at] of this.#sortAt.entries()) {
      const field = this.schema.sort[index];
      const part = at === null || !field ? sequence : keyPartOfJson(field, values[at] as string);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    return parts;
  }
}

const sequenceOf = (row: string): number => Number(/"_sequence_number":"?(\d+)/.exec(row)?.[1]);
