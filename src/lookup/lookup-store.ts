import type { NamedField } from '../core/field-types.ts';

/**
 * Key → rows views of streams.
 *
 * Contract:
 * K1  Each full key (partition and sort parts) has one entry: that of the highest sequence number.
 * K2  Entries of one key come in the order of their sort parts.
 * K3  Rows and the position they were written up to change in one transaction.
 * K4  An entry whose bytes are damaged is an error that names it, never a wrong row.
 * K5  A row has today's fields, also where its entry was written before one of them was added or widened.
 */
export interface LookupSchema {
  readonly name: string;
  /** The stream it is made of. */
  readonly from: string;
  /** The stream's fields, in order. */
  readonly fields: readonly NamedField[];
  readonly key: NamedField;
  /** null stands for the sequence number. */
  readonly sort: readonly (NamedField | null)[];
}

export interface LookupQuery {
  readonly key: string;
  /** Leading sort parts that must be equal. */
  readonly parts: readonly string[];
  /** Range and prefix of the next sort part; both ends are included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly prefix?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface LookupPage {
  /** JSON texts of the rows. */
  readonly items: readonly string[];
  /** Where the next page starts; absent on the last. */
  readonly cursor?: string;
  /** True where the query named every part of a key: then there is at most one item. */
  readonly isFullKey: boolean;
}

export interface LookupStore {
  /** @throws MillraceError MR_LOOKUP_KEY for parts that are not of their field's type. */
  read(schema: LookupSchema, query: LookupQuery): LookupPage;
  /** The first record not yet in the lookup, per its own checkpoint; undefined before the first. */
  position(name: string): { readonly epoch: string; readonly next: number } | undefined;
  entries(name: string): number;
  /** Names of the lookups with stored entries. */
  names(): readonly string[];
  /** Removes a lookup's entries and its checkpoint in one step; nobody may write it. */
  remove(name: string): Promise<void>;
  /** A copy as of one moment, in a file that is not there yet; entries go on being written. */
  copy(path: string): Promise<void>;
  close(): Promise<void>;
}
