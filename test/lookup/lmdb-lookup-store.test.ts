import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fieldNamed, type NamedField } from '../../src/core/field-types.ts';
import { field as f, stream } from '../../src/index.ts';
import { recordsOfRun, type StoredRecord } from '../../src/ingest/stored-record.ts';
import { openLookups, packEntry } from '../../src/lookup/embedded/lmdb-environment.ts';
import { LmdbLookupStore } from '../../src/lookup/embedded/lmdb-lookup-store.ts';
import { LmdbLookupWriter } from '../../src/lookup/embedded/lmdb-lookup-writer.ts';
import type { LookupQuery } from '../../src/lookup/lookup-store.ts';
import { temporaryFolder } from '../support/folder.ts';

const { fields } = stream('s', {
  fields: {
    owner: f.string().optional(),
    price: f.decimal(8, 2),
    count: f.int(),
    at: f.timestamptz().optional(),
    gone: f.boolean().optional(),
  },
}).settings;
const named = (name: string) => fieldNamed(fields, name);

function recordsOf(rows: readonly object[], firstSequence = 0): StoredRecord[] {
  const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const run = { bytes, count: rows.length, firstSequence, shard: 0, timeMs: 1, schemaVersion: 1 };
  return recordsOfRun(run, { schemas: [], fields }, 0);
}

function lookupOn(path: string, sort: readonly (NamedField | null)[]) {
  const environment = openLookups(path);
  const schema = {
    name: 'by_owner',
    from: 's',
    key: named('owner'),
    sort,
    fields,
    tombstone: 'gone',
    fingerprint: 'f1',
  };
  const writer = new LmdbLookupWriter(environment, schema);
  const store = new LmdbLookupStore(path);
  const read = (query: Partial<LookupQuery>) => {
    const page = store.read(schema, { key: 'a', parts: [], limit: 100, ...query });
    return {
      ...page,
      items: page.items.map((item) => JSON.parse(item) as Record<string, unknown>),
    };
  };
  return { environment, schema, writer, store, read };
}

describe('lookups keep the contract of LookupStore', () => {
  test('K1: the highest sequence number wins, also when records come again', async () => {
    const { writer, read } = lookupOn(join(temporaryFolder(), 'l.mdb'), []);
    const rows = [
      { owner: 'a', price: '1', count: 1 },
      { owner: 'a', price: '2', count: 2 },
    ];
    await writer.write('e', recordsOf(rows), 0, 2);
    await writer.write('e', recordsOf(rows.slice(0, 1)), 0, 2);
    expect(read({}).items).toEqual([{ owner: 'a', price: '2.00', count: 2, at: null, gone: null }]);
  });

  test('K2: entries of a key come in the order of their sort parts, by value', async () => {
    const { writer, read } = lookupOn(join(temporaryFolder(), 'l.mdb'), [named('price'), null]);
    const prices = ['10', '9.5', '-3', '100.25', '9.50'];
    await writer.write(
      'e',
      recordsOf(prices.map((price, count) => ({ owner: 'a', price, count }))),
      0,
      5,
    );
    expect(read({}).items.map((item) => item['price'])).toEqual([
      '-3.00',
      '9.50',
      '9.50',
      '10.00',
      '100.25',
    ]);
    expect(read({ from: '9.50', to: '10' }).items.map((item) => item['count'])).toEqual([1, 4, 0]);
    expect(read({ parts: ['9.5'] }).items.map((item) => item['count'])).toEqual([1, 4]);
    expect(read({ parts: ['9.5', '4'] })).toMatchObject({ isFullKey: true, items: [{ count: 4 }] });
  });

  test('pages cover every entry once', async () => {
    const { writer, read } = lookupOn(join(temporaryFolder(), 'l.mdb'), [named('count')]);
    await writer.write(
      'e',
      recordsOf(Array.from({ length: 25 }, (_, count) => ({ owner: 'a', price: '1', count }))),
      0,
      25,
    );
    const seen: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = read({ limit: 7, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map((item) => item['count']));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, count) => count));
  });

  test('a null key makes no entry, a tombstone removes one', async () => {
    const { writer, read, store } = lookupOn(join(temporaryFolder(), 'l.mdb'), []);
    await writer.write(
      'e',
      recordsOf([
        { price: '1', count: 1 },
        { owner: 'a', price: '1', count: 1 },
      ]),
      0,
      2,
    );
    expect(store.entries('by_owner')).toBe(1);
    await writer.write('e', recordsOf([{ owner: 'a', price: '1', count: 1, gone: true }], 2), 2, 3);
    expect(read({}).items).toEqual([]);
  });

  test('K3: rows and position change together; another key starts anew', async () => {
    const { writer, environment, schema, store } = lookupOn(join(temporaryFolder(), 'l.mdb'), []);
    await writer.write('e', recordsOf([{ owner: 'a', price: '1', count: 1 }]), 0, 1);
    expect(store.position('by_owner')).toMatchObject({ epoch: 'e', next: 1 });
    expect(writer.position()).toEqual({ epoch: 'e', next: 1 });
    expect(
      new LmdbLookupWriter(environment, { ...schema, fingerprint: 'f2' }).position(),
    ).toBeUndefined();
    await writer.reset('e');
    expect(store.entries('by_owner')).toBe(0);
    expect(
      writer.position(),
      'a rebuild that was cut short is not taken for whole',
    ).toBeUndefined();
  });

  test('K4: a damaged entry is an error that names the way back', async () => {
    const { environment, read } = lookupOn(join(temporaryFolder(), 'l.mdb'), []);
    const entry = packEntry(0, { shape: 0, json: '{"owner":"a"}' });
    entry[14] = (entry[14] as number) ^ 1;
    await environment.lookup('by_owner').put(['a'], entry);
    expect(() => read({})).toThrow(/damaged\. Build it again: millrace replay/);
  });

  test('K5: an entry written under other fields is read with those of today', async () => {
    const path = join(temporaryFolder(), 'l.mdb');
    const { writer, schema, store } = lookupOn(path, []);
    await writer.write('e', recordsOf([{ owner: 'a', price: '1', count: 7 }]), 0, 1);
    const today = stream('s', {
      fields: {
        more: f.struct({ x: f.int() }).optional(),
        owner: f.string().optional(),
        price: f.decimal(10, 2),
        count: f.long(),
        at: f.int().optional(),
        gone: f.string().optional(),
      },
    }).settings.fields;
    const query = { key: 'a', parts: [], limit: 100 };
    expect(store.read({ ...schema, fields: today }, query).items).toEqual([
      '{"more":null,"owner":"a","price":"1.00","count":"7","at":null,"gone":null}',
    ]);
    await writer.write(
      'e',
      recordsOf([{ owner: 'a', price: '1', count: 7, at: '2026-01-01T00:00:00Z', gone: false }], 1),
      1,
      2,
    );
    const broken = JSON.parse(store.read({ ...schema, fields: today }, query).items[0] as string);
    expect(broken, 'what is of another type now is null, as in SQL').toMatchObject({ at: null });
  });

  test('keys over the limit are refused by name', async () => {
    const { writer } = lookupOn(join(temporaryFolder(), 'l.mdb'), []);
    const refused = await writer.write(
      'e',
      recordsOf([{ owner: 'x'.repeat(1100), price: '1', count: 1 }]),
      0,
      1,
    );
    expect(refused).toMatchObject([{ sequence: 0 }]);
    expect(refused[0]?.message).toContain('1100 bytes; at most 1024');
  });

  test('a part that is not of its type is explained', () => {
    const { read } = lookupOn(join(temporaryFolder(), 'l.mdb'), [named('count')]);
    expect(() => read({ parts: ['many'] })).toThrow(`Key part 'count' is int; "many" is not.`);
    expect(() => read({ prefix: 'a' })).toThrow('`prefix` needs a sort part that is a string.');
    expect(() => read({ cursor: '???' })).toThrow('`cursor` is not one that this lookup gave.');
  });
});
