import { crc32 } from 'node:zlib';
import { type Database, open, type RootDatabase } from 'lmdb';
import { MillraceError } from '../../core/errors.ts';
import type { KeyPart } from '../lookup-key.ts';

export type LookupDatabase = Database<Buffer, KeyPart[]>;
export type PositionDatabase = Database<string, string>;

export interface LookupEnvironment {
  readonly root: RootDatabase;
  readonly positions: PositionDatabase;
  lookup(name: string): LookupDatabase;
}

/** The environment is shared by two processes: the worker writes, main reads. */
export function openLookups(path: string): LookupEnvironment {
  // overlappingSync trusts pages that were not flushed when the boot id is the same (reliability.md §6.1).
  // Batches of event turns have promises of their own that no one can wait for when a commit fails.
  const root = open({ path, maxDbs: 1000, overlappingSync: false, eventTurnBatching: false });
  const databases = new Map<string, LookupDatabase>();
  return {
    root,
    positions: root.openDB<string, string>({ name: '.positions', encoding: 'string' }),
    lookup: (name) => {
      const known = databases.get(name);
      if (known) return known;
      const opened = root.openDB<Buffer, KeyPart[]>({
        name,
        encoding: 'binary',
        keyEncoding: 'ordered-binary',
      });
      databases.set(name, opened);
      return opened;
    },
  };
}

const HEAD_BYTES = 16;

/** A row as it was written, with the shape (row-shape.ts) it was written in. */
export interface EntryRow {
  readonly shape: number;
  readonly json: string;
}

/** An entry: CRC-32 of the rest, sequence number, shape, the row's JSON. LMDB itself has no checksums. */
export function packEntry(sequence: number, { shape, json }: EntryRow): Buffer {
  const text = Buffer.from(json);
  const entry = Buffer.allocUnsafe(HEAD_BYTES + text.length);
  entry.writeDoubleLE(sequence, 4);
  entry.writeUInt32LE(shape, 12);
  text.copy(entry, HEAD_BYTES);
  entry.writeUInt32LE(crc32(entry.subarray(4)), 0);
  return entry;
}

export function entrySequence(entry: Buffer): number {
  return entry.readDoubleLE(4);
}

/** @throws MillraceError MR_STORAGE_DAMAGED */
export function entryRow(lookup: string, entry: Buffer): EntryRow {
  if (crc32(entry.subarray(4)) !== entry.readUInt32LE(0))
    throw new MillraceError(
      'MR_STORAGE_DAMAGED',
      `An entry of lookup '${lookup}' is damaged. Build it again: millrace replay STREAM --to ${lookup}.`,
    );
  return { shape: entry.readUInt32LE(12), json: entry.toString('utf8', HEAD_BYTES) };
}
