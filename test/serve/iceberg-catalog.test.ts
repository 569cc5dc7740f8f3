import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { localPath } from '../../src/lake/location.ts';
import { appOfFile } from '../support/app.ts';
import {
  CatalogClient,
  metadataFaults,
  requestFaults,
  viewFaults,
} from '../support/iceberg-api.ts';
import { metadataOf, writeAppend } from '../support/iceberg-append.ts';

const app = appOfFile(`
import { day, field as f, stream } from 'millrace';
export const sales = stream('sales', {
  fields: { id: f.string(), at: f.timestamptz(), qty: f.int().optional(), part: f.struct({ a: f.int() }).optional() },
  table: { partitionBy: [day('at')], every: '1h' },
});
`);
const catalog = () => new CatalogClient(app().address);

const SCHEMA = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    {
      id: 2,
      name: 'part',
      required: false,
      type: { type: 'struct', fields: [{ id: 3, name: 'x', required: false, type: 'string' }] },
    },
    {
      id: 4,
      name: 'tags',
      required: false,
      type: { type: 'list', 'element-id': 5, element: 'string', 'element-required': false },
    },
  ],
};

let number = 0;
/** A namespace of the test's own. */
async function namespace(): Promise<string> {
  number += 1;
  const name = `n${number}`;
  await catalog().ask('POST', '/v1/namespaces', { namespace: [name] });
  return name;
}

async function table(name = 't') {
  const own = await namespace();
  const path = `/v1/namespaces/${own}/tables`;
  const answer = await catalog().ask('POST', path, { name, schema: SCHEMA });
  return { namespace: own, path: `${path}/${name}`, created: answer.body };
}

const typeOf = (answer: { body: { error: { type: string; code: number } } }) =>
  `${answer.body.error.code} ${answer.body.error.type}`;

describe('the Iceberg REST catalog answers as its specification has it', () => {
  test('config names the routes there are, in words of the specification', async () => {
    const { body } = await catalog().ask('GET', '/v1/config?warehouse=any');
    expect(body).toMatchObject({ defaults: {}, overrides: {} });
    const document = readFileSync(
      new URL('../lake/rest-catalog-open-api.yaml', import.meta.url),
      'utf8',
    );
    for (const endpoint of body.endpoints) {
      const [method, path] = endpoint.split(' ');
      const at = document.indexOf(`\n  ${path}:\n`);
      expect(at, endpoint).toBeGreaterThan(0);
      const rest = document.slice(at + 1);
      const end = rest.slice(3).search(/\n {2}\//);
      expect(rest.slice(0, end), endpoint).toContain(`\n    ${method.toLowerCase()}:`);
    }
  });

  test('namespaces are made, changed, listed in pages and dropped', async () => {
    const ask = catalog().ask.bind(catalog());
    const properties = { owner: 'me', comment: 'x' };
    const made = await ask('POST', '/v1/namespaces', { namespace: ['pages'], properties });
    expect(made.body).toEqual({ namespace: ['pages'], properties });
    expect(typeOf(await ask('POST', '/v1/namespaces', { namespace: ['pages'] }))).toBe(
      '409 AlreadyExistsException',
    );
    const changed = await ask('POST', '/v1/namespaces/pages/properties', {
      updates: { owner: 'you' },
      removals: ['comment', 'constructor'],
    });
    expect(changed.body).toEqual({
      updated: ['owner'],
      removed: ['comment'],
      missing: ['constructor'],
    });
    expect((await ask('GET', '/v1/namespaces/pages')).body.properties).toEqual({
      owner: 'you',
      location: expect.stringMatching(/^file:\/\/.*\/pages$/),
    });
    expect((await ask('HEAD', '/v1/namespaces/pages')).status).toBe(204);
    expect((await ask('HEAD', '/v1/namespaces/none')).status).toBe(404);
    const both = await ask('POST', '/v1/namespaces/pages/properties', {
      updates: { a: '1' },
      removals: ['a'],
    });
    expect(both.status).toBe(422);
    const pages: string[] = [];
    let token = '';
    do {
      const { body } = await ask('GET', `/v1/namespaces?pageToken=${token}&pageSize=2`);
      expect(body.namespaces.length).toBeLessThanOrEqual(2);
      pages.push(...body.namespaces.map(([name]: string[]) => name));
      token = body['next-page-token'];
    } while (token);
    const all = (await ask('GET', '/v1/namespaces')).body.namespaces.map(([one]: string[]) => one);
    expect(pages).toEqual(all);
    expect(all).toEqual(expect.arrayContaining(['lake', 'warehouse', 'pages']));
    expect((await ask('DELETE', '/v1/namespaces/pages')).status).toBe(204);
    expect(typeOf(await ask('GET', '/v1/namespaces/pages'))).toBe('404 NoSuchNamespaceException');
    expect(typeOf(await ask('DELETE', '/v1/namespaces/pages'))).toBe(
      '404 NoSuchNamespaceException',
    );
    const { namespace: full } = await table();
    expect(typeOf(await ask('DELETE', `/v1/namespaces/${full}`))).toBe(
      '409 NamespaceNotEmptyException',
    );
    expect(typeOf(await ask('DELETE', '/v1/namespaces/lake'))).toBe('403 ForbiddenException');
  });

  test('namespaces have one level: nested ones are refused, and nothing is in them', async () => {
    const ask = catalog().ask.bind(catalog());
    expect(typeOf(await ask('POST', '/v1/namespaces', { namespace: ['a', 'b'] }))).toBe(
      '400 BadRequestException',
    );
    expect(typeOf(await ask('GET', '/v1/namespaces/a%1Fb'))).toBe('404 NoSuchNamespaceException');
    expect((await ask('GET', '/v1/namespaces?parent=lake')).body.namespaces).toEqual([]);
    expect(typeOf(await ask('GET', '/v1/namespaces?parent=none'))).toBe(
      '404 NoSuchNamespaceException',
    );
    expect(typeOf(await ask('GET', '/v1/namespaces/none/tables'))).toBe(
      '404 NoSuchNamespaceException',
    );
    expect(
      typeOf(await ask('GET', '/v1/namespaces/lake%1Fsales/tables/snapshots')),
      'Spark asks so for metadata tables, and goes on at this answer only',
    ).toBe('404 NoSuchTableException');
  });

  test('tables are made, loaded, listed, renamed and dropped', async () => {
    const ask = catalog().ask.bind(catalog());
    const { namespace: own, path, created } = await table('orders');
    expect(created.metadata.schemas[0].fields[1].type.fields[0]).toMatchObject({
      name: 'x',
      id: 4,
    });
    expect(created.metadata['current-snapshot-id'] ?? null).toBeNull();
    const tables = `/v1/namespaces/${own}/tables`;
    expect(typeOf(await ask('POST', tables, { name: 'orders', schema: SCHEMA }))).toBe(
      '409 AlreadyExistsException',
    );
    expect(
      typeOf(await ask('POST', '/v1/namespaces/none/tables', { name: 'x', schema: SCHEMA })),
    ).toBe('404 NoSuchNamespaceException');
    expect((await ask('GET', tables)).body.identifiers).toEqual([
      { namespace: [own], name: 'orders' },
    ]);
    expect((await ask('GET', `${tables}?pageSize=1`)).body['next-page-token']).toBeNull();
    expect((await ask('HEAD', path)).status).toBe(204);
    expect((await ask('HEAD', `${tables}/none`)).status).toBe(404);
    expect(typeOf(await ask('GET', `${tables}/none`))).toBe('404 NoSuchTableException');
    expect((await ask('GET', `${path}/credentials`)).body).toEqual({ 'storage-credentials': [] });
    const report = {
      'report-type': 'scan-report',
      'table-name': 'orders',
      'snapshot-id': 1,
      filter: true,
      'schema-id': 0,
      'projected-field-ids': [1],
      'projected-field-names': ['id'],
      metrics: {},
    };
    expect((await ask('POST', `${path}/metrics`, report)).status).toBe(204);
    const rename = (from: string, to: string, toNamespace = own) =>
      ask('POST', '/v1/tables/rename', {
        source: { namespace: [own], name: from },
        destination: { namespace: [toNamespace], name: to },
      });
    expect(typeOf(await rename('none', 'x'))).toBe('404 NoSuchTableException');
    expect(typeOf(await rename('orders', 'x', 'none'))).toBe('404 NoSuchNamespaceException');
    expect(typeOf(await rename('orders', 'orders'))).toBe('409 AlreadyExistsException');
    expect((await rename('orders', 'lines')).status).toBe(204);
    expect((await ask('GET', `${tables}/lines`)).body.metadata['table-uuid']).toBe(
      created.metadata['table-uuid'],
    );
    expect((await ask('DELETE', `${tables}/lines?purgeRequested=true`)).status).toBe(204);
    expect(typeOf(await ask('DELETE', `${tables}/lines`))).toBe('404 NoSuchTableException');
  });

  test('who has the newest metadata is told so and sent nothing', async () => {
    const ask = catalog().ask.bind(catalog());
    const { path } = await table();
    const first = await ask('GET', path);
    const etag = first.headers.get('etag') as string;
    const again = await ask('GET', path, undefined, { 'if-none-match': etag });
    expect([again.status, again.text]).toEqual([304, '']);
    const refs = await ask('GET', `${path}?snapshots=refs`, undefined, { 'if-none-match': etag });
    expect(refs.status, 'another view of the table').toBe(200);
    const commit = await ask('POST', path, {
      requirements: [],
      updates: [{ action: 'set-properties', updates: { a: '1' } }],
    });
    expect((await ask('GET', path, undefined, { 'if-none-match': etag })).status).toBe(200);
    const now = commit.headers.get('etag') as string;
    expect((await ask('GET', path, undefined, { 'if-none-match': now })).status).toBe(304);
    expect(typeOf(await ask('GET', `${path}?snapshots=some`))).toBe('400 BadRequestException');
  });

  test('metadata files are as the specification has them after every kind of commit', async () => {
    const ask = catalog().ask.bind(catalog());
    const { path, created } = await table();
    let metadata = created.metadata;
    const commits: (() => Promise<object> | object)[] = [
      () => writeAppend(metadataOf(metadata), dataFile(metadata, 1)),
      () => writeAppend(metadataOf(metadata), dataFile(metadata, 2)),
      () => ({
        updates: [
          {
            action: 'add-schema',
            schema: {
              ...SCHEMA,
              fields: [
                ...metadata.schemas[0].fields,
                { id: 9, name: 'more', required: false, type: 'decimal(10, 2)', doc: 'm' },
              ],
            },
          },
          { action: 'set-current-schema', 'schema-id': -1 },
        ],
      }),
      () => ({
        updates: [
          {
            action: 'add-spec',
            spec: { fields: [{ 'source-id': 1, name: 'b', transform: 'bucket[4]' }] },
          },
          { action: 'set-default-spec', 'spec-id': -1 },
        ],
      }),
      () => ({
        updates: [
          {
            action: 'add-sort-order',
            'sort-order': {
              'order-id': 1,
              fields: [
                {
                  'source-id': 1,
                  transform: 'identity',
                  direction: 'desc',
                  'null-order': 'nulls-last',
                },
              ],
            },
          },
          { action: 'set-default-sort-order', 'sort-order-id': -1 },
        ],
      }),
      () => ({
        updates: [
          {
            action: 'set-snapshot-ref',
            'ref-name': 'old',
            type: 'tag',
            'snapshot-id': metadata.snapshots[0]['snapshot-id'],
            'max-ref-age-ms': 86_400_000,
          },
          {
            action: 'set-snapshot-ref',
            'ref-name': 'dev',
            type: 'branch',
            'snapshot-id': metadata.snapshots[1]['snapshot-id'],
            'min-snapshots-to-keep': 2,
          },
        ],
      }),
      () => ({
        updates: [
          {
            action: 'set-statistics',
            statistics: {
              'snapshot-id': metadata.snapshots[0]['snapshot-id'],
              'statistics-path': `${metadata.location}/metadata/s.puffin`,
              'file-size-in-bytes': 10,
              'file-footer-size-in-bytes': 5,
              'blob-metadata': [],
            },
          },
        ],
      }),
      () => ({ updates: [{ action: 'remove-snapshot-ref', 'ref-name': 'old' }] }),
      () => ({
        updates: [
          {
            action: 'remove-snapshots',
            'snapshot-ids': [metadata.snapshots[0]['snapshot-id']],
          },
        ],
      }),
      () => ({ updates: [{ action: 'remove-properties', removals: ['x'] }] }),
      () => ({ updates: [{ action: 'remove-schemas', 'schema-ids': [0] }] }),
      () => ({ updates: [{ action: 'remove-partition-specs', 'spec-ids': [0] }] }),
      () => ({ updates: [{ action: 'upgrade-format-version', 'format-version': 3 }] }),
    ];
    for (const [index, make] of commits.entries()) {
      const change = { requirements: [], ...(await make()) };
      expect(requestFaults('CommitTableRequest', change), `commit ${index}`).toEqual([]);
      const answer = await ask('POST', path, change);
      expect(answer.status, answer.text).toBe(200);
      metadata = answer.body.metadata;
      const file = readFileSync(localPath(answer.body['metadata-location']), 'utf8');
      expect(metadataFaults(file), `commit ${index}`).toEqual([]);
    }
    const refs = (await ask('GET', `${path}?snapshots=refs`)).body.metadata;
    expect(refs.snapshots.map((one: object) => one['snapshot-id' as never])).toEqual([
      refs['current-snapshot-id'],
    ]);
  });

  test('snapshots=refs leaves out what no branch or tag names', async () => {
    const ask = catalog().ask.bind(catalog());
    const { path, created } = await table();
    let metadata = created.metadata;
    for (const one of [1, 2, 3]) {
      const answer = await ask(
        'POST',
        path,
        await writeAppend(metadataOf(metadata), dataFile(metadata, one)),
      );
      metadata = answer.body.metadata;
    }
    expect((await ask('GET', path)).body.metadata.snapshots).toHaveLength(3);
    expect((await ask('GET', `${path}?snapshots=refs`)).body.metadata.snapshots).toHaveLength(1);
  });

  test('a commit on another state of the table is 409, one that the table cannot have is 400', async () => {
    const ask = catalog().ask.bind(catalog());
    const { path, created } = await table();
    const commit = (requirements: object[], updates: object[] = []) =>
      ask('POST', path, { requirements, updates });
    const stale = [
      { type: 'assert-create' },
      { type: 'assert-table-uuid', uuid: '00000000-0000-0000-0000-000000000000' },
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': 5 },
      { type: 'assert-ref-snapshot-id', ref: 'constructor', 'snapshot-id': 5 },
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 99 },
      { type: 'assert-current-schema-id', 'current-schema-id': 99 },
      { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 1 },
      { type: 'assert-default-spec-id', 'default-spec-id': 99 },
      { type: 'assert-default-sort-order-id', 'default-sort-order-id': 99 },
    ];
    for (const requirement of stale)
      expect(typeOf(await commit([requirement])), requirement.type).toBe(
        '409 CommitFailedException',
      );
    const uuid = created.metadata['table-uuid'].toUpperCase();
    expect((await commit([{ type: 'assert-table-uuid', uuid }])).status).toBe(200);
    const impossible = [
      { action: 'set-current-schema', 'schema-id': 99 },
      { action: 'set-current-schema', 'schema-id': -1 },
      { action: 'set-default-spec', 'spec-id': 99 },
      { action: 'set-default-sort-order', 'sort-order-id': 99 },
      { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': 5 },
      { action: 'upgrade-format-version', 'format-version': 1 },
      { action: 'upgrade-format-version', 'format-version': 9 },
      { action: 'assign-uuid', uuid: '00000000-0000-0000-0000-000000000000' },
      { action: 'remove-schemas', 'schema-ids': [0] },
      { action: 'add-spec', spec: { fields: [{ 'source-id': 77, name: 'x', transform: 'day' }] } },
      { action: 'add-spec', spec: { fields: [{ 'source-id': 1, name: 'x', transform: 'half' }] } },
      {
        action: 'add-schema',
        schema: { type: 'struct', fields: [{ id: 1, name: 'a', required: true, type: 'longer' }] },
      },
      { action: 'no-such-update' },
    ];
    for (const update of impossible)
      expect(typeOf(await commit([], [update])), JSON.stringify(update)).toBe(
        '400 BadRequestException',
      );
    expect(typeOf(await commit([{ type: 'no-such-requirement' }]))).toBe('400 BadRequestException');
    expect((await ask('GET', path)).body.metadata['last-column-id']).toBe(5);
  });

  test('a staged table is there from its first commit on, and only once', async () => {
    const ask = catalog().ask.bind(catalog());
    const own = await namespace();
    const tables = `/v1/namespaces/${own}/tables`;
    const staged = await ask('POST', tables, { name: 's', schema: SCHEMA, 'stage-create': true });
    expect(staged.body['metadata-location'] ?? null).toBeNull();
    expect(typeOf(await ask('GET', `${tables}/s`))).toBe('404 NoSuchTableException');
    const create = createOf(staged.body.metadata);
    const made = await ask('POST', `${tables}/s`, create);
    expect(made.status, made.text).toBe(200);
    expect(made.body.metadata['table-uuid']).toBe(staged.body.metadata['table-uuid']);
    expect(made.body['metadata-location']).toContain(staged.body.metadata.location);
    expect(typeOf(await ask('POST', `${tables}/s`, create))).toBe('409 CommitFailedException');
  });

  test('a transaction over tables that are there and one that is new is made whole or not at all', async () => {
    const ask = catalog().ask.bind(catalog());
    const one = await table('one');
    const two = await ask('POST', `/v1/namespaces/${one.namespace}/tables`, {
      name: 'two',
      schema: SCHEMA,
    });
    const staged = await ask('POST', `/v1/namespaces/${one.namespace}/tables`, {
      name: 'three',
      schema: SCHEMA,
      'stage-create': true,
    });
    const change = (name: string, value: string, requirements: object[] = []) => ({
      identifier: { namespace: [one.namespace], name },
      requirements,
      updates: [{ action: 'set-properties', updates: { value } }],
    });
    const made = {
      identifier: { namespace: [one.namespace], name: 'three' },
      ...createOf(staged.body.metadata),
    };
    const uuid = [{ type: 'assert-table-uuid', uuid: '00000000-0000-0000-0000-000000000000' }];
    const commit = (changes: object[]) =>
      ask('POST', '/v1/transactions/commit', { 'table-changes': changes });
    expect(typeOf(await commit([change('one', '1'), made, change('two', '1', uuid)]))).toBe(
      '409 CommitFailedException',
    );
    expect(typeOf(await commit([change('one', '1'), change('none', '1')]))).toBe(
      '404 NoSuchTableException',
    );
    expect(typeOf(await commit([change('one', '1'), change('one', '2')]))).toBe(
      '400 BadRequestException',
    );
    const propertyOf = async (name: string) =>
      (await ask('GET', `/v1/namespaces/${one.namespace}/tables/${name}`)).body.metadata.properties
        .value;
    expect([await propertyOf('one'), await propertyOf('two')]).toEqual([undefined, undefined]);
    expect((await ask('HEAD', `/v1/namespaces/${one.namespace}/tables/three`)).status).toBe(404);
    expect((await commit([change('two', '2'), made, change('one', '2')])).status).toBe(204);
    expect([await propertyOf('one'), await propertyOf('two')]).toEqual(['2', '2']);
    expect(
      (await ask('GET', `/v1/namespaces/${one.namespace}/tables/three`)).body.metadata[
        'table-uuid'
      ],
    ).toBe(staged.body.metadata['table-uuid']);
    expect(two.status).toBe(200);
  });

  test('a table that was dropped comes back by its metadata file', async () => {
    const ask = catalog().ask.bind(catalog());
    const { namespace: own, path, created } = await table('gone');
    const location = created['metadata-location'];
    const register = (name: string, overwrite = false, metadata = location) =>
      ask('POST', `/v1/namespaces/${own}/register`, {
        name,
        'metadata-location': metadata,
        overwrite,
      });
    expect(typeOf(await register('twin')), 'its files are another table').toBe(
      '403 ForbiddenException',
    );
    expect((await ask('DELETE', path)).status).toBe(204);
    expect((await register('back')).body.metadata['table-uuid']).toBe(
      created.metadata['table-uuid'],
    );
    expect(typeOf(await register('back'))).toBe('409 AlreadyExistsException');
    expect(typeOf(await register('x', false, `${created.metadata.location}/none.json`))).toBe(
      '400 BadRequestException',
    );
    expect(typeOf(await register('x', false, 'file:///etc/passwd'))).toBe('403 ForbiddenException');
    expect(typeOf(await register('x', false, 's3://bucket/v1.metadata.json'))).toBe(
      '406 UnsupportedOperationException',
    );
  });

  test('views are made, replaced, listed, renamed and dropped', async () => {
    const ask = catalog().ask.bind(catalog());
    const own = await namespace();
    const version = (sql: string, id: number) => ({
      'version-id': id,
      'timestamp-ms': 1_700_000_000_000 + id,
      'schema-id': 0,
      summary: { 'engine-name': 'test' },
      representations: [{ type: 'sql', sql, dialect: 'spark' }],
      'default-namespace': [own],
    });
    const views = `/v1/namespaces/${own}/views`;
    const request = {
      name: 'v',
      schema: SCHEMA,
      'view-version': version('select 1', 1),
      properties: { comment: 'x' },
    };
    expect(requestFaults('CreateViewRequest', request)).toEqual([]);
    const made = await ask('POST', views, request);
    expect(made.status, made.text).toBe(200);
    expect(typeOf(await ask('POST', views, request))).toBe('409 AlreadyExistsException');
    const change = {
      requirements: [{ type: 'assert-view-uuid', uuid: made.body.metadata['view-uuid'] }],
      updates: [
        { action: 'add-schema', schema: { ...SCHEMA, fields: SCHEMA.fields.slice(0, 1) } },
        {
          action: 'add-view-version',
          'view-version': { ...version('select 2', 2), 'schema-id': -1 },
        },
        { action: 'set-current-view-version', 'view-version-id': -1 },
        { action: 'set-properties', updates: { comment: 'y' } },
      ],
    };
    expect(requestFaults('CommitViewRequest', change)).toEqual([]);
    const replaced = (await ask('POST', `${views}/v`, change)).body;
    expect(replaced.metadata).toMatchObject({
      'current-version-id': 2,
      properties: { comment: 'y' },
    });
    expect(viewFaults(readFileSync(localPath(replaced['metadata-location']), 'utf8'))).toEqual([]);
    for (let index = 3; index < 20; index++)
      await ask('POST', `${views}/v`, {
        requirements: [],
        updates: [
          { action: 'add-view-version', 'view-version': version(`select ${index}`, index) },
        ],
      });
    const kept = (await ask('GET', `${views}/v`)).body.metadata;
    expect(
      kept.versions.some(
        (one: object) => one['version-id' as never] === kept['current-version-id'],
      ),
    ).toBe(true);
    expect((await ask('GET', views)).body.identifiers).toEqual([{ namespace: [own], name: 'v' }]);
    expect((await ask('GET', `/v1/namespaces/${own}/tables`)).body.identifiers).toEqual([]);
    expect((await ask('HEAD', `${views}/v`)).status).toBe(204);
    expect(typeOf(await ask('GET', `/v1/namespaces/${own}/tables/v`))).toBe(
      '404 NoSuchTableException',
    );
    const rename = {
      source: { namespace: [own], name: 'v' },
      destination: { namespace: [own], name: 'w' },
    };
    expect((await ask('POST', '/v1/views/rename', rename)).status).toBe(204);
    expect(typeOf(await ask('POST', '/v1/views/rename', rename))).toBe('404 NoSuchViewException');
    expect((await ask('DELETE', `${views}/w`)).status).toBe(204);
    expect(typeOf(await ask('DELETE', `${views}/w`))).toBe('404 NoSuchViewException');
    expect(typeOf(await ask('GET', `${views}/w`))).toBe('404 NoSuchViewException');
  });

  test('the table of a stream can be loaded, given columns and maintained, and stays what its definition says', async () => {
    const ask = catalog().ask.bind(catalog());
    const path = '/v1/namespaces/lake/tables/sales';
    const { metadata } = (await ask('GET', path)).body;
    const fields = metadata.schemas.at(-1).fields;
    const commit = (...updates: object[]) => ask('POST', path, { requirements: [], updates });
    const schema = (changed: object[]) => [
      { action: 'add-schema', schema: { type: 'struct', fields: changed } },
      { action: 'set-current-schema', 'schema-id': -1 },
    ];
    const without = (name: string) => fields.filter((one: { name: string }) => one.name !== name);
    const changed = (name: string, change: object) =>
      fields.map((one: { name: string }) => (one.name === name ? { ...one, ...change } : one));
    const refused: { readonly [what: string]: object[] } = {
      'a dropped column': schema(without('qty')),
      'a dropped part': schema(
        changed('part', {
          type: {
            type: 'struct',
            fields: [{ id: 90, name: 'b', required: false, type: 'int' }],
          },
        }),
      ),
      'another type': schema(changed('qty', { type: 'string' })),
      'a column that must be there': schema(changed('qty', { required: true })),
      'a new column that must be there': schema([
        ...fields,
        { id: 91, name: 'new', required: true, type: 'int' },
      ]),
      'another place': [{ action: 'set-location', location: `${metadata.location}2` }],
      'a newer format': [{ action: 'upgrade-format-version', 'format-version': 3 }],
      'its checkpoint': [{ action: 'set-properties', updates: { 'millrace.checkpoint': '0' } }],
      'its fields': [{ action: 'remove-properties', removals: ['millrace.fields'] }],
    };
    for (const [what, updates] of Object.entries(refused))
      expect(typeOf(await commit(...updates)), what).toBe('403 ForbiddenException');
    expect(typeOf(await ask('DELETE', path))).toBe('403 ForbiddenException');
    expect(
      typeOf(
        await ask('POST', '/v1/tables/rename', {
          source: { namespace: ['lake'], name: 'sales' },
          destination: { namespace: ['lake'], name: 'old' },
        }),
      ),
    ).toBe('403 ForbiddenException');
    const allowed: { readonly [what: string]: object[] } = {
      'a wider type': schema(changed('qty', { type: 'long' })),
      'another name': schema(changed('qty', { type: 'long', name: 'quantity' })),
      'a new column': schema([
        ...changed('qty', { type: 'long', name: 'quantity' }),
        { id: 92, name: 'note', required: false, type: 'string' },
      ]),
      'a property': [{ action: 'set-properties', updates: { 'write.note': 'x' } }],
    };
    for (const [what, updates] of Object.entries(allowed)) {
      const answer = await commit(...updates);
      expect(answer.status, `${what}: ${answer.text.slice(0, 300)}`).toBe(200);
    }
    expect(typeOf(await commit({ action: 'set-current-schema', 'schema-id': 99 }))).toBe(
      '400 BadRequestException',
    );
  });

  test('tokens: a dev server takes any client, and says what it does not know as OAuth does', async () => {
    const token = (form: Record<string, string>) =>
      catalog().ask('POST', '/v1/oauth/tokens', new URLSearchParams(form).toString(), {
        'content-type': 'application/x-www-form-urlencoded',
      });
    const good = await token({
      grant_type: 'client_credentials',
      client_id: 'a',
      client_secret: 'b',
      scope: 'catalog',
    });
    expect(good.body).toMatchObject({ access_token: 'b', token_type: 'bearer' });
    const bad = await token({ grant_type: 'password', username: 'a', password: 'b' });
    expect([bad.status, bad.body.error]).toEqual([400, 'unsupported_grant_type']);
    const json = await catalog().ask('POST', '/v1/oauth/tokens', {});
    expect([json.status, json.body.error]).toEqual([400, 'invalid_request']);
  });
});

const dataFile = (metadata: { location: string }, index: number) => ({
  path: `${metadata.location}/data/${index}.parquet`,
  rows: 1,
  bytes: 100,
});

/** What a client commits for a table that was staged. */
function createOf(metadata: {
  readonly [name: string]: unknown;
  readonly schemas: readonly object[];
  readonly 'partition-specs': readonly object[];
  readonly 'sort-orders': readonly object[];
}) {
  return {
    requirements: [{ type: 'assert-create' }],
    updates: [
      { action: 'assign-uuid', uuid: metadata['table-uuid'] },
      { action: 'upgrade-format-version', 'format-version': metadata['format-version'] },
      { action: 'add-schema', schema: metadata.schemas[0] },
      { action: 'set-current-schema', 'schema-id': -1 },
      { action: 'add-spec', spec: metadata['partition-specs'][0] },
      { action: 'set-default-spec', 'spec-id': -1 },
      { action: 'add-sort-order', 'sort-order': metadata['sort-orders'][0] },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
      { action: 'set-location', location: metadata['location'] },
      { action: 'set-properties', updates: metadata['properties'] },
    ],
  };
}
