import { compareKeys } from 'lmdb';
import { MillraceError } from '../../core/errors.ts';
import { committed } from '../../core/lmdb-commit.ts';
import { type KeyPart, keyPartOfText } from '../lookup-key.ts';
import type { LookupPage, LookupQuery, LookupSchema, LookupStore } from '../lookup-store.ts';
import { entryRow, type LookupEnvironment, openLookups } from './lmdb-environment.ts';
import { inShape, type RowShape, shapeOf } from './row-shape.ts';

/** Behind every text with a prefix: the highest character there is. */
const AFTER_PREFIX = '\u{10ffff}';

/** Reads lookups in the process that answers for them: a read is a few microseconds. */
export class LmdbLookupStore implements LookupStore {
  readonly #environment: LookupEnvironment;
  readonly #shapes = new WeakMap<LookupSchema, RowShape>();

  constructor(path: string) {
    this.#environment = openLookups(path);
  }

  position(name: string): { epoch: string; next: number } | undefined {
    // As in `read`: another process writes it.
    this.#environment.root.resetReadTxn();
    const text = this.#environment.positions.get(name);
    return text === undefined ? undefined : (JSON.parse(text) as { epoch: string; next: number });
  }

  entries(name: string): number {
    const { entryCount } = this.#environment.lookup(name).getStats() as { entryCount: number };
    return entryCount;
  }

  names(): readonly string[] {
    this.#environment.root.resetReadTxn();
    return [...this.#environment.positions.getKeys()];
  }

  /** The database itself stays, empty: the worker may have it open. Its pages are used again. */
  async remove(name: string): Promise<void> {
    const { root, positions, lookup } = this.#environment;
    const database = lookup(name);
    await committed(
      root.transaction(() => {
        database.clearSync();
        positions.removeSync(name);
      }),
    );
  }

  read(schema: LookupSchema, query: LookupQuery): LookupPage {
    const key = keyPartOfText(schema.key, query.key);
    if (query.parts.length > schema.sort.length)
      throw new MillraceError(
        'MR_LOOKUP_KEY',
        `Lookup '${schema.name}' has ${schema.sort.length} sort parts; the address names ${query.parts.length}.`,
      );
    const parts = query.parts.map((text, index) => sortPart(schema, index, text));
    const fixed: KeyPart[] = [key, ...parts];
    // Another process writes: without this a read may still see what was there some moments ago.
    this.#environment.root.resetReadTxn();
    const database = this.#environment.lookup(schema.name);
    if (parts.length === schema.sort.length) {
      const entry = database.get(fixed);
      return { items: entry ? [this.#row(schema, entry)] : [], isFullKey: true };
    }
    const { start, end } = bounds(schema, query, fixed);
    const items: string[] = [];
    let last: KeyPart[] = start;
    for (const { key: found, value } of database.getRange({ start, end, snapshot: true })) {
      if (query.cursor !== undefined && items.length === 0 && sameKey(found, start)) continue;
      if (items.length === query.limit)
        return { items, cursor: encodeCursor(last), isFullKey: false };
      items.push(this.#row(schema, value));
      last = found;
    }
    return { items, isFullKey: false };
  }

  #row(schema: LookupSchema, entry: Buffer): string {
    const { shape, json } = entryRow(schema.name, entry);
    let today = this.#shapes.get(schema);
    if (!today) {
      today = shapeOf(schema.fields);
      this.#shapes.set(schema, today);
    }
    return shape === today.number ? json : inShape(json, today);
  }

  async copy(path: string): Promise<void> {
    await this.#environment.root.backup(path, false);
  }

  async close(): Promise<void> {
    await this.#environment.root.close();
  }
}

function sortPart(schema: LookupSchema, index: number, text: string): KeyPart {
  const field = schema.sort[index];
  if (field) return keyPartOfText(field, text);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new MillraceError(
    'MR_LOOKUP_KEY',
    `Sort part ${index + 1} of lookup '${schema.name}' is a sequence number; ${JSON.stringify(text)} is not.`,
  );
}

function sameKey(a: readonly KeyPart[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index]);
}

function bounds(
  schema: LookupSchema,
  query: LookupQuery,
  fixed: readonly KeyPart[],
): { start: KeyPart[]; end: KeyPart[] } {
  const at = query.parts.length;
  const part = (text: string) => sortPart(schema, at, text);
  // Behind every key that starts with `fixed`: a buffer sorts after all other kinds of part.
  const open = (parts: readonly KeyPart[]): KeyPart[] => [
    ...parts,
    Buffer.from([0xff]) as unknown as KeyPart,
  ];
  let start: KeyPart[] = [...fixed];
  let end = open(fixed);
  if (query.prefix !== undefined) {
    if (schema.sort[at]?.type.kind !== 'string')
      throw new MillraceError('MR_LOOKUP_KEY', '`prefix` needs a sort part that is a string.');
    start = [...fixed, query.prefix];
    end = [...fixed, query.prefix + AFTER_PREFIX];
  }
  if (query.from !== undefined) start = [...fixed, part(query.from)];
  if (query.to !== undefined) end = open([...fixed, part(query.to)]);
  if (query.from !== undefined && query.to !== undefined && compareKeys(start, end) > 0)
    throw new MillraceError(
      'MR_LOOKUP_KEY',
      `\`from\` (${JSON.stringify(query.from)}) comes after \`to\` (${JSON.stringify(query.to)}): no entry can be between them. Give the smaller one as \`from\`.`,
    );
  if (query.cursor !== undefined) start = decodeCursor(query.cursor);
  return { start, end };
}

function encodeCursor(key: readonly KeyPart[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

function decodeCursor(cursor: string): KeyPart[] {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as KeyPart[];
  } catch (error) {
    throw new MillraceError('MR_LOOKUP_KEY', '`cursor` is not one that this lookup gave.', {
      cause: error,
    });
  }
}
