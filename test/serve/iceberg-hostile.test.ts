import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import type { TableChange, TableName } from '../../src/lake/catalog.ts';
import { FileCatalog } from '../../src/lake/embedded/file-catalog.ts';
import { FileTableStore } from '../../src/lake/embedded/file-table-store.ts';
import { TableRegistry } from '../../src/lake/embedded/table-registry.ts';
import { fileLocation, localPath } from '../../src/lake/location.ts';
import { startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type CatalogAnswer, CatalogClient } from '../support/iceberg-api.ts';
import { metadataOf, writeAppend } from '../support/iceberg-append.ts';

/** What nobody should send to the catalog. Each answer is held against the specification too. */

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.string() }, table: { every: '1h' } });
`;

const SCHEMA = {
  type: 'struct',
  'schema-id': 0,
  'identifier-field-ids': [1],
  fields: [
    { id: 1, name: 'id', required: true, type: 'long', doc: 'd' },
    {
      id: 2,
      name: 'all',
      required: false,
      type: {
        type: 'map',
        'key-id': 3,
        key: 'string',
        'value-id': 4,
        'value-required': false,
        value: {
          type: 'list',
          'element-id': 5,
          'element-required': false,
          element: {
            type: 'struct',
            fields: [{ id: 6, name: 'x', required: false, type: 'decimal(9, 2)' }],
          },
        },
      },
    },
  ],
};

async function served(allowedLocations: readonly string[] = []) {
  const folder = temporaryFolder();
  const app = await startApp(folder, PIPELINE, { allowedLocations });
  const client = new CatalogClient(app.address);
  await client.ask('POST', '/v1/namespaces', { namespace: ['shop'] });
  const ask = client.ask.bind(client);
  const make = (name: string, more: object = {}) =>
    ask('POST', '/v1/namespaces/shop/tables', { name, schema: SCHEMA, ...more });
  return { app, ask, make, lake: join(folder, '.millrace', 'lake'), folder };
}

const said = ({ status, body }: CatalogAnswer) => `${status} ${body?.error?.type ?? ''}`.trim();

/** Each place in a value, with what to put the value in again with another one there. */
function* places(value: unknown, path = ''): Generator<[string, (other: unknown) => unknown]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, part] of Object.entries(value)) {
    const put = (other: unknown): unknown =>
      Array.isArray(value)
        ? value.map((one, index) => (String(index) === name ? other : one))
        : { ...value, [name]: other };
    yield [`${path}.${name}`, put];
    for (const [inside, putInside] of places(part, `${path}.${name}`))
      yield [inside, (other) => put(putInside(other))];
  }
}

const WRONG = [
  undefined,
  null,
  'x',
  '',
  -1,
  1.5,
  1e300,
  true,
  [],
  {},
  [null],
  ['x'],
  { x: { y: [] } },
];

let turn = 0;
/** Every third one in turn: other ones at each place. `HOSTILE_ALL=1` tries all. */
const someWrong = (): readonly unknown[] => {
  turn += 1;
  return WRONG.filter((_, index) => process.env['HOSTILE_ALL'] || (index + turn) % 3 === 0);
};

describe('bodies that are not what they should be', () => {
  test('a wrong value at any place of a commit is refused, or is no harm; the table stays as it was or is whole', async () => {
    const { ask, make } = await served();
    const { metadata } = (await make('t')).body;
    const append = await writeAppend(metadataOf(metadata), {
      path: `${metadata.location}/data/1.parquet`,
      rows: 1,
      bytes: 1,
    });
    const statistics = {
      'snapshot-id': append.snapshotId,
      'statistics-path': `${metadata.location}/metadata/s.puffin`,
      'file-size-in-bytes': 1,
      'file-footer-size-in-bytes': 1,
      'blob-metadata': [],
    };
    const sort = {
      'source-id': 1,
      transform: 'identity',
      direction: 'asc',
      'null-order': 'nulls-first',
    };
    const good = {
      requirements: [
        ...append.requirements,
        { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 6 },
        { type: 'assert-current-schema-id', 'current-schema-id': 0 },
        { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 999 },
        { type: 'assert-default-spec-id', 'default-spec-id': 0 },
        { type: 'assert-default-sort-order-id', 'default-sort-order-id': 0 },
      ],
      updates: [
        ...append.updates,
        { action: 'add-schema', schema: SCHEMA },
        { action: 'set-current-schema', 'schema-id': 0 },
        {
          action: 'add-spec',
          spec: {
            'spec-id': 1,
            fields: [{ 'source-id': 1, 'field-id': 1000, name: 'b', transform: 'bucket[4]' }],
          },
        },
        { action: 'set-default-spec', 'spec-id': 0 },
        { action: 'add-sort-order', 'sort-order': { 'order-id': 1, fields: [sort] } },
        { action: 'set-default-sort-order', 'sort-order-id': 0 },
        {
          action: 'set-snapshot-ref',
          'ref-name': 'v',
          type: 'tag',
          'snapshot-id': append.snapshotId,
          'max-ref-age-ms': 1,
        },
        { action: 'remove-snapshot-ref', 'ref-name': 'v' },
        { action: 'remove-snapshots', 'snapshot-ids': [5] },
        { action: 'set-location', location: metadata.location },
        { action: 'set-properties', updates: { a: '1' } },
        { action: 'remove-properties', removals: ['a'] },
        { action: 'set-statistics', statistics },
        { action: 'remove-statistics', 'snapshot-id': append.snapshotId },
        { action: 'set-partition-statistics', 'partition-statistics': statistics },
        { action: 'remove-partition-statistics', 'snapshot-id': append.snapshotId },
        { action: 'remove-partition-specs', 'spec-ids': [7] },
        { action: 'remove-schemas', 'schema-ids': [7] },
      ],
    };
    let asked = 0;
    for (const [path, put] of places(good))
      for (const wrong of someWrong()) {
        // A commit that is refused last shows that all before it was understood, and changes nothing.
        const body = put(wrong) as { updates: object[] };
        if (Array.isArray(body.updates))
          body.updates = [...body.updates, { action: 'set-current-schema', 'schema-id': 99 }];
        const answer = await ask('POST', '/v1/namespaces/shop/tables/t', body);
        asked += 1;
        if (!path.startsWith('.updates') || Array.isArray(body.updates))
          expect(answer.status, `${path} = ${JSON.stringify(wrong)}: ${answer.text}`).toBeLessThan(
            500,
          );
      }
    expect(asked).toBeGreaterThan(500);
    const now = await ask('GET', '/v1/namespaces/shop/tables/t');
    expect(now.body.metadata.snapshots).toEqual([]);
    expect((await ask('POST', '/v1/namespaces/shop/tables/t', good)).status).toBe(200);
  });

  test('so is one in any other body', async () => {
    const { ask, make } = await served();
    await make('t');
    const version = {
      'version-id': 1,
      'timestamp-ms': 1,
      'schema-id': 0,
      summary: { a: 'b' },
      representations: [{ type: 'sql', sql: 'select 1', dialect: 'x' }],
      'default-namespace': ['shop'],
    };
    const bodies: { readonly [path: string]: object } = {
      '/v1/namespaces': { namespace: ['other'], properties: { a: 'b' } },
      '/v1/namespaces/shop/properties': { updates: { a: 'b' }, removals: ['c'] },
      '/v1/namespaces/shop/tables': {
        name: 'u',
        location: 'file:///nowhere',
        schema: SCHEMA,
        'partition-spec': { fields: [{ 'source-id': 1, name: 'b', transform: 'identity' }] },
        'write-order': {
          fields: [
            { 'source-id': 1, transform: 'identity', direction: 'asc', 'null-order': 'nulls-last' },
          ],
        },
        'stage-create': true,
        properties: { 'format-version': '2' },
      },
      '/v1/namespaces/shop/register': {
        name: 'r',
        'metadata-location': '/nowhere',
        overwrite: true,
      },
      '/v1/tables/rename': {
        source: { namespace: ['shop'], name: 'none' },
        destination: { namespace: ['shop'], name: 'x' },
      },
      '/v1/transactions/commit': {
        'table-changes': [
          { identifier: { namespace: ['shop'], name: 't' }, requirements: [], updates: [] },
        ],
      },
      '/v1/namespaces/shop/views': {
        name: 'v',
        schema: SCHEMA,
        'view-version': version,
        properties: {},
      },
      '/v1/namespaces/shop/tables/t/metrics': { 'report-type': 'x' },
    };
    for (const [address, good] of Object.entries(bodies)) {
      const wrongs = [...places(good)].flatMap(([path, put]) =>
        someWrong().map((wrong) => [path, put(wrong)] as const),
      );
      for (const [path, body] of [...wrongs, ['', [] as unknown] as const, ['', 'text'] as const]) {
        const answer = await ask('POST', address, body as object);
        expect(answer.status, `${address}${path}: ${answer.text}`).toBeLessThan(500);
      }
    }
    for (const text of ['{', '', 'null', '[', '"', '{"a":}', '\u0000', '[[[['.repeat(50_000)])
      expect((await ask('POST', '/v1/namespaces', text)).status, text.slice(0, 9)).toBe(400);
  });

  test('a schema of very many levels, or columns, is refused or taken, and never takes the server with it', async () => {
    const { ask, make } = await served();
    let type: object | string = 'long';
    for (let level = 0; level < 3000; level++)
      type = { type: 'list', 'element-id': 10 + level, element: type, 'element-required': false };
    const deep = { type: 'struct', fields: [{ id: 1, name: 'deep', required: false, type }] };
    expect(said(await make('deep', { schema: deep }))).toBe('400 BadRequestException');
    const fields = Array.from({ length: 20_000 }, (_, index) => ({
      id: index + 1,
      name: `c${index}`,
      required: false,
      type: 'long',
    }));
    expect((await make('wide', { schema: { type: 'struct', fields } })).status).toBe(200);
    expect((await ask('GET', '/v1/namespaces/shop/tables/wide')).status).toBe(200);
  });

  test('ids of 63 bits come back as they were given', async () => {
    const { ask, make } = await served();
    const { metadata } = (await make('t')).body;
    const id = 9223372036854775807n;
    const append = await writeAppend(metadataOf(metadata), {
      path: `${metadata.location}/data/1.parquet`,
      rows: 1,
      bytes: 1,
    });
    const text = JSON.stringify(append).replaceAll(String(append.snapshotId), String(id));
    // The name of the list has the id in it as well, and the file is called otherwise.
    const list = /"manifest-list":"([^"]+)"/.exec(JSON.stringify(append))?.[1] as string;
    const body = text.replace(/"manifest-list":"[^"]+"/, `"manifest-list":"${list}"`);
    const made = await ask('POST', '/v1/namespaces/shop/tables/t', body);
    expect(made.status, made.text).toBe(200);
    const again = await ask('GET', '/v1/namespaces/shop/tables/t');
    expect(again.text).toContain(`"current-snapshot-id":${id}`);
    expect(again.body.metadata.snapshots[0]['snapshot-id']).toBe(id);
    expect(readFileSync(localPath(again.body['metadata-location']), 'utf8')).toContain(`:${id}`);
    const stale = `{"requirements":[{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":${id - 1n}}],"updates":[]}`;
    expect(
      said(await ask('POST', '/v1/namespaces/shop/tables/t', stale)),
      'one less is another',
    ).toBe('409 CommitFailedException');
    expect(
      (
        await ask(
          'POST',
          '/v1/namespaces/shop/tables/t',
          stale.replace(String(id - 1n), String(id)),
        )
      ).status,
    ).toBe(200);
    const tooLong = stale.replace(String(id - 1n), `${id}0`);
    expect(said(await ask('POST', '/v1/namespaces/shop/tables/t', tooLong))).toBe(
      '400 BadRequestException',
    );
  });
});

describe('names', () => {
  const ODD = [
    'a b',
    'a/b',
    '..',
    '.',
    '../../x',
    'a.b',
    'é😀',
    '%2F',
    '%',
    'a%2Fb',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'catalog.json',
    'transaction.json',
    'lake',
    'a\\b',
    '~',
    '*',
    '?x=1',
    '#',
    'CON',
    '-',
    "'",
    '"',
    '<b>',
    'x'.repeat(255),
    '😀'.repeat(63),
  ];

  test('may have any character; files stay in the lake, in plain folders', async () => {
    const { ask, lake, folder } = await served();
    const before = readdirSync(folder);
    for (const name of ODD) {
      const known = name === 'lake';
      const made = known
        ? 200
        : (await ask('POST', '/v1/namespaces', { namespace: [name] })).status;
      expect(made, name).toBe(200);
      const inUrl = encodeURIComponent(name);
      // Addresses with dots alone are resolved by whoever sends them: such names are reached by bodies only.
      const isPath = name === '.' || name === '..';
      const namespace = isPath ? 'shop' : name;
      const tables = `/v1/namespaces/${encodeURIComponent(namespace)}/tables`;
      const table = await ask('POST', tables, { name, schema: SCHEMA });
      expect(table.status, `${name}: ${table.text}`).toBe(200);
      expect(localPath(table.body.metadata.location).startsWith(`${lake}/`), name).toBe(true);
      expect(table.body.metadata.location.slice(7 + lake.length), name).toMatch(
        /^\/[\w-]+\/[\w-]+$/,
      );
      const listed = (await ask('GET', tables)).body.identifiers;
      expect(listed, name).toContainEqual({ namespace: [namespace], name });
      if (isPath) continue;
      expect((await ask('GET', `${tables}/${inUrl}`)).body.metadata['table-uuid'], name).toBe(
        table.body.metadata['table-uuid'],
      );
      const source = { namespace: [namespace], name };
      const destination = { namespace: [namespace], name: 'renamed' };
      expect((await ask('POST', '/v1/tables/rename', { source, destination })).status, name).toBe(
        204,
      );
      expect((await ask('DELETE', `${tables}/renamed?purgeRequested=true`)).status, name).toBe(204);
      expect(existsSync(localPath(table.body.metadata.location)), name).toBe(false);
      if (!known) expect((await ask('DELETE', `/v1/namespaces/${inUrl}`)).status, name).toBe(204);
    }
    expect(readdirSync(folder)).toEqual(before);
    for (const name of ['none', '__proto__', 'constructor'])
      expect(said(await ask('GET', `/v1/namespaces/${name}`)), name).toBe(
        '404 NoSuchNamespaceException',
      );
  });

  test('are refused where nothing could be called so', async () => {
    const { ask, make } = await served();
    for (const name of [
      '',
      '\u0000',
      'a\u001fb',
      'a\nb',
      '\u007f',
      'x'.repeat(256),
      'x'.repeat(100_000),
      '\ud800',
    ]) {
      expect(said(await make(name)), JSON.stringify(name.slice(0, 9))).toBe(
        '400 BadRequestException',
      );
      expect(said(await ask('POST', '/v1/namespaces', { namespace: [name] }))).toBe(
        '400 BadRequestException',
      );
    }
    expect((await ask('GET', '/v1/namespaces/shop/tables')).body.identifiers).toEqual([]);
  });
});

describe('locations', () => {
  test('of tables are in the lake, and no other table is there', async () => {
    const { make, ask, lake, folder } = await served();
    const other = (await make('other')).body.metadata.location;
    const outside = [
      '/etc',
      'file:///etc/x',
      `file://${folder}`,
      `${fileLocation(lake)}/../up`,
      `${fileLocation(lake)}/shop/../../../x`,
      fileLocation(lake),
      other,
      `${other}/data`,
      `${fileLocation(lake)}/shop`,
      `${fileLocation(lake)}/lake/sales/x`,
      '',
      'x',
      'file:///',
    ];
    for (const location of outside)
      expect((await make('x', { location })).status, location).toBeGreaterThanOrEqual(400);
    for (const location of ['s3://bucket/x', 'hdfs://h/x', 'http://h/x'])
      expect(said(await make('x', { location })), location).toBe(
        '406 UnsupportedOperationException',
      );
    const move = (location: string) =>
      ask('POST', '/v1/namespaces/shop/tables/other', {
        requirements: [],
        updates: [{ action: 'set-location', location }],
      });
    expect(said(await move('file:///etc/x'))).toBe('403 ForbiddenException');
    expect((await move(other)).status).toBe(200);
    const own = await make('own', { location: `${fileLocation(lake)}/apart/own` });
    expect(own.body.metadata.location).toBe(`${fileLocation(lake)}/apart/own`);
  });

  test('outside are for tables where the server was told so', async () => {
    const elsewhere = temporaryFolder();
    const { make } = await served([elsewhere]);
    const made = await make('far', { location: `${elsewhere}/far` });
    expect(made.body.metadata.location).toBe(`${elsewhere}/far`);
    expect(said(await make('further', { location: `${elsewhere}2/far` }))).toBe(
      '403 ForbiddenException',
    );
  });

  test('of files that a commit names are read in the lake only, whatever names them', async () => {
    const { ask, make, folder } = await served();
    const { metadata } = (await make('t')).body;
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'secret');
    const commit = async (change: object) =>
      said(await ask('POST', '/v1/namespaces/shop/tables/t', change));
    const outside = await writeAppend(metadataOf(metadata), { path: secret, rows: 1, bytes: 1 });
    expect(await commit(outside), 'a data file').toBe('403 ForbiddenException');
    const good = await writeAppend(metadataOf(metadata), {
      path: `${metadata.location}/data/1.parquet`,
      rows: 1,
      bytes: 1,
    });
    const text = JSON.stringify(good);
    const listed = (path: string) =>
      JSON.parse(text.replace(/"manifest-list":"[^"]+"/, `"manifest-list":"${path}"`)) as object;
    for (const path of [
      secret,
      fileLocation(secret),
      `${metadata.location}/../../../../secret`,
      '/dev/zero',
      '/proc/self/mem',
    ])
      expect(await commit(listed(path)), path).toBe('403 ForbiddenException');
    const branch = JSON.parse(JSON.stringify(outside).replaceAll('"main"', '"dev"')) as object;
    expect(await commit(branch), 'on a branch').toBe('403 ForbiddenException');
    expect((await ask('GET', '/v1/namespaces/shop/tables/t')).body.metadata.snapshots).toEqual([]);
  });

  test('of files that end with their snapshot are removed in the table’s own folder only', async () => {
    const lake = join(temporaryFolder(), 'lake');
    const context = { files: nodeFileSystem(), clock: systemClock, logger: silentLogger };
    const registry = new TableRegistry(lake, context);
    const catalog = new FileCatalog(registry);
    const schema = { type: 'struct' as const, 'schema-id': 0, fields: [] };
    await catalog.createNamespace('shop', {});
    const [t, victim] = ['t', 'victim'].map((name) => ({ namespace: 'shop', name }));
    const folderOf = async (name: TableName) =>
      localPath((await catalog.createTable(name, { schema, properties: {} })).metadata.location);
    const [own, other] = [await folderOf(t as TableName), await folderOf(victim as TableName)];
    const named = {
      own: join(own, 'data', 'own.parquet'),
      others: join(other, 'data', 'kept.parquet'),
      pointer: join(own, 'metadata', 'version-hint.text'),
      catalog: join(lake, 'catalog.json'),
    };
    for (const path of [named.own, named.others]) writeFileSync(path, 'x');
    for (const path of Object.values(named)) {
      const { metadata } = await catalog.table(t as TableName);
      await catalog.commit(
        t as TableName,
        (await writeAppend(metadata, { path, rows: 1, bytes: 1 })) as unknown as TableChange,
      );
    }
    await catalog.commit(t as TableName, {
      requirements: [],
      updates: [{ action: 'remove-snapshot-ref', 'ref-name': 'main' }],
    });
    const table = await new FileTableStore(registry).find('shop', 't');
    const later = Date.now() + 48 * 60 * 60_000;
    expect(await table?.expire(later, {})).toBe(4);
    expect(await table?.removeEnded(later * 2)).toBeGreaterThan(0);
    const left = Object.entries(named).map(([what, path]) => [what, existsSync(path)]);
    expect(Object.fromEntries(left)).toEqual({
      own: false,
      others: true,
      pointer: true,
      catalog: true,
    });
  });

  test('that cannot be read are refused, and what is committed next has all that was there', async () => {
    const context = { files: nodeFileSystem(), clock: systemClock, logger: silentLogger };
    const registry = new TableRegistry(join(temporaryFolder(), 'lake'), context);
    const catalog = new FileCatalog(registry);
    const name = { namespace: 'shop', name: 't' };
    await catalog.createNamespace('shop', {});
    const schema = { type: 'struct' as const, 'schema-id': 0, fields: [] };
    const { metadata } = await catalog.createTable(name, { schema, properties: {} });
    const data = join(localPath(metadata.location), 'data');
    const commit = async (file: string, format: string, replaces: boolean) => {
      const added = { path: join(data, file), rows: 1, bytes: 1, format };
      const append = await writeAppend((await catalog.table(name)).metadata, added, { replaces });
      await catalog.commit(name, append as unknown as TableChange);
    };
    await commit('a.parquet', 'PARQUET', false);
    await commit('b.parquet', 'PARQUET', false);
    await expect(commit('c.orc', 'ORC', true)).rejects.toMatchObject({
      code: 'MR_TABLE_UNSUPPORTED',
    });
    const table = await new FileTableStore(registry).find('shop', 't');
    const ours = { rows: 1, bytes: 1, statistics: {}, partition: [], specId: 0, sortOrderId: 0 };
    await table?.append([{ path: join(data, 'd.parquet'), ...ours }], {});
    expect(table?.live.map(({ file }) => basename(file.file_path)).sort()).toEqual([
      'a.parquet',
      'b.parquet',
      'd.parquet',
    ]);
  });

  test('of metadata to register are in the lake; what it says of a pipeline is left out', async () => {
    const { ask, lake } = await served();
    const sales = (await ask('GET', '/v1/namespaces/lake/tables/sales')).body;
    const register = (location: string) =>
      ask('POST', '/v1/namespaces/shop/register', { name: 'r', 'metadata-location': location });
    expect(said(await register(sales['metadata-location']))).toBe('403 ForbiddenException');
    mkdirSync(join(lake, 'free/metadata'), { recursive: true });
    const put = (text: string) => {
      const path = join(lake, 'free/metadata/x.metadata.json');
      writeFileSync(path, text);
      return fileLocation(path);
    };
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{}',
      '{"format-version":2}',
      '{"format-version":2,"location":"/x"}',
      '{"format-version":9,"location":"/x"}',
    ])
      expect((await register(put(text))).status, text).toBeLessThan(500);
    const metadata = { ...sales.metadata, location: fileLocation(join(lake, 'free')) };
    for (const [path, place] of places(metadata))
      for (const wrong of ['x', -1, [], {}, [null]]) {
        const answer = await register(put(JSON.stringify(place(wrong))));
        expect(answer.status, `${path} = ${JSON.stringify(wrong)}: ${answer.text}`).toBeLessThan(
          500,
        );
        if (answer.status === 200)
          expect((await ask('DELETE', '/v1/namespaces/shop/tables/r')).status, path).toBe(204);
      }
    const made = await register(put(JSON.stringify(metadata)));
    expect(made.status, made.text).toBe(200);
    expect(
      Object.keys(made.body.metadata.properties).filter((name) => name.startsWith('millrace.')),
    ).toEqual([]);
    expect((await ask('DELETE', '/v1/namespaces/shop/tables/r')).status).toBe(204);
  });
});
