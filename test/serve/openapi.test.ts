import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';

const PIPELINE = `
import { dashboard, endpoint, field as f, lookup, model, sequence, sql, stream } from 'millrace';
export const sales = stream('sales', { description: 'Lines', fields: { id: f.string().describe('Number'), code: f.string(), qty: f.int().min(1), note: f.list(f.string()).optional() } });
export const open = stream('open', { fields: { tags: f.map(f.string(), f.long()), at: f.timestamptz(), part: f.struct({ a: f.decimal(4, 2), b: f.binary() }) }, unknown: 'keep' });
export const every = stream('every', { fields: {
  b: f.boolean().optional(), i: f.int().min(1).optional(), l: f.long().oneOf([1n, 2n]).optional(), x: f.double().optional(), d: f.decimal(6, 2).optional(),
  t: f.string().max(3).optional(), c: f.string().oneOf(['a', 'b']).default('a'), s: f.string().optional().from('integer-text'), at: f.timestamptz().optional().from('epoch-seconds'),
  u: f.uuid().optional(), day: f.date().optional(), ts: f.timestamp().optional(), bytes: f.binary().optional(),
  list: f.list(f.string().optional()).optional(), map: f.map(f.string(), f.int().optional()).optional(), part: f.struct({ a: f.int(), o: f.int().optional() }).optional(), id: f.int(),
} });
export const by_id = lookup('by_id', { from: every, key: 'id' });
export const lines = lookup('lines', { from: sales, key: 'id', sort: ['code', sequence] });
export const last = lookup('last', { from: sales, key: 'id' });
export const m = model('m', { sql: sql\`select code from \${sales}\` });
export const since = endpoint('since', { params: { code: f.string(), least: f.decimal(10, 2).optional() }, sql: ({ code, least }) => sql\`select * from \${sales} where code = \${code} and qty > \${least}\` });
export const shop = dashboard('shop', {}, ({ kpi, bar, select }) => [select(sales.fields.code), kpi('Rows', { from: sales, value: sql\`count(*)\` }), bar('Codes', { from: sales, x: 'code', y: sql\`sum(qty)\` })]);
`;

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: object;
  }[];
  readonly requestBody?: {
    readonly content: { readonly [type: string]: { readonly schema: object } };
  };
  readonly responses: {
    readonly [status: string]: {
      readonly description: string;
      readonly content?: { readonly [type: string]: { readonly schema: object } };
    };
  };
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } };
  readonly components: {
    readonly schemas: { readonly [name: string]: object };
    readonly securitySchemes: object;
  };
}

async function served() {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const document = (await (await fetch(`${app.address}/openapi.json`)).json()) as Document;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return { app, document, operations };
}

/** `get /v1/keys/:id` for each route that the sources give the server. */
function routes(): { method: string; path: string }[] {
  const folder = fileURLToPath(new URL('../../src/serve/', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(`${folder}${file}`, 'utf8');
      return [
        ...text.matchAll(/\bserver\s*\.(get|post|put|patch|delete)\b.*?\(\s*'(\/[^']*)'/gs),
      ].map(([, method, path]) => ({ method: method as string, path: path as string }));
    });
}

/** Whether a path of the document is one of a route: names of this pipeline or `{name}` stand for `:name`, more segments for `*`. */
function matches(route: string, path: string): boolean {
  const pattern = route
    .replace(/:\w+/g, '[^/]+')
    .replace(/\*$/, '.+')
    .replaceAll('.json', '\\.json');
  return new RegExp(`^${pattern}$`).test(path);
}

test('the document lists every route of the server, and no other', async () => {
  const { operations } = await served();
  const known = routes();
  expect(known.length).toBeGreaterThan(12);
  const missing = known.filter(
    (route) =>
      !operations.some(({ method, path }) => method === route.method && matches(route.path, path)),
  );
  expect(missing, 'routes that the document does not have').toEqual([]);
  const invented = operations.filter(
    ({ method, path }) =>
      !known.some((route) => method === route.method && matches(route.path, path)),
  );
  expect(
    invented.map(({ method, path }) => `${method} ${path}`),
    'routes that only the document has',
  ).toEqual([]);
});

test('each operation of the document is answered by its own route', async () => {
  const { app, operations } = await served();
  for (const { path, method } of operations) {
    const response = await fetch(`${app.address}${path.replace(/\{\w+\}/g, '1')}`, {
      method: method.toUpperCase(),
      ...(method === 'post' ? { body: '{}', headers: { 'content-type': 'application/json' } } : {}),
    });
    const text = await response.text();
    expect(text, `${method} ${path}`).not.toContain('Nothing is at');
  }
});

test('it is an OpenAPI 3.1 document: versions, unique operations, declared parameters, references that lead somewhere', async () => {
  const { document, operations } = await served();
  expect(document.openapi).toMatch(/^3\.1\.\d+$/);
  expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size, 'operation ids are unique').toBe(ids.length);
  for (const { path, operation } of operations) {
    expect(operation.summary, path).toMatch(/\w/);
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(inPath.map(({ name }) => name).sort(), `parameters of ${path}`).toEqual(
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort(),
    );
    expect(inPath.every(({ required }) => required)).toBe(true);
    for (const parameter of operation.parameters ?? [])
      expect(['path', 'query', 'header']).toContain(parameter.in);
    for (const [status, response] of Object.entries(operation.responses)) {
      expect(status).toMatch(/^(default|[1-5]\d\d)$/);
      expect(response.description, `${path} ${status}`).toMatch(/\w/);
    }
    expect(operation.responses['default'], `${path} says how it fails`).toBeDefined();
  }
  for (const [, reference] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const found = (reference as string)
      .split('/')
      .reduce<unknown>(
        (part, name) => (part as { [name: string]: unknown } | undefined)?.[name],
        document,
      );
    expect(found, reference).toBeDefined();
  }
});

test('a validator of OpenAPI documents finds nothing wrong with it', async () => {
  const { document } = await served();
  const verdict = await new Validator().validate(document as unknown as Record<string, unknown>);
  expect(verdict.errors ?? []).toEqual([]);
  expect(verdict.valid).toBe(true);
  const broken = await new Validator().validate({ ...document, paths: { '/x': { get: 5 } } });
  expect(broken.valid, 'control').toBe(false);
});

test('its schemas are JSON Schema 2020-12, and hold for what goes in and comes out', async () => {
  const { app, document } = await served();
  const ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    formats: { int64: true, uuid: true, date: true, 'date-time': true, float: true, double: true },
  });
  ajv.addSchema({ $id: 'document', components: document.components });
  const validator = (name: string) => {
    const validate = ajv.getSchema(`document#/components/schemas/${name}`);
    if (!validate) throw new Error(`there is no schema ${name}`);
    return (value: unknown) => {
      validate(value);
      return validate.errors ?? [];
    };
  };
  for (const name of Object.keys(document.components.schemas))
    expect(() => validator(name), name).not.toThrow();

  const post = (path: string, body: object) =>
    fetch(`${app.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const record = { id: 'a', code: 'x', qty: 1, note: ['n'] };
  const wrong = { id: 'a', code: 'x', qty: 0 };
  expect([
    validator('record_sales')(record).length,
    validator('record_sales')(wrong).length > 0,
  ]).toEqual([0, true]);
  const answer: unknown = await (
    await post('/v1/streams/sales/records', [record, wrong, { id: 'b' }])
  ).json();
  expect(answer).toMatchObject({ accepted: 1 });
  expect(validator('IngestAnswer')(answer)).toEqual([]);
  const kept = {
    tags: { a: '1' },
    at: '2026-01-01T00:00:00Z',
    part: { a: '1.50', b: 'AQI=' },
    more: 1,
  };
  expect(validator('record_open')(kept)).toEqual([]);
  expect(await (await post('/v1/streams/open/records', kept)).json()).toMatchObject({
    accepted: 1,
  });
  const lines = await (await fetch(`${app.address}/v1/streams/open/records`)).text();
  expect(validator('stored_open')(JSON.parse(lines))).toEqual([]);
  expect(validator('stored_open')({ damaged: { first: '1', last: '2' } })).toEqual([]);
  expect(validator('stored_open')({ record: kept })).not.toEqual([]);
  expect(
    validator('QueryResult')(
      await (await post('/v1/sql', { sql: 'select * from lake.sales' })).json(),
    ),
  ).toEqual([]);
  const state = { period: '7d', filters: { code: { in: ['x', null] } } };
  expect(validator('DashboardRequest')({ state, charts: ['rows'] })).toEqual([]);
  expect(validator('DashboardRequest')({ state: { filters: [] } })).not.toEqual([]);
  const numbers = await (await post('/v1/dashboards/shop/answers', { state })).json();
  expect(numbers).toMatchObject({ version: { sales: 1 }, charts: { rows: { value: '1' } } });
  expect(validator('DashboardAnswer')(numbers)).toEqual([]);
  expect(validator('Error')(await (await post('/v1/sql', { sql: 'selec' })).json())).toEqual([]);
  expect(validator('Session')(await (await fetch(`${app.address}/v1/session`)).json())).toEqual([]);
  const user = { name: 'ann', roles: ['reader'], password: 'correct horse' };
  expect(validator('User')(await (await post('/v1/users', user)).json())).toEqual([]);
  const row = await eventually(async () => {
    const response = await fetch(`${app.address}/v1/lookups/last/a`);
    return response.status === 200 ? ((await response.json()) as object) : undefined;
  });
  expect(validator('row_sales')(row)).toEqual([]);

  const bodies: object[] = [
    {},
    ...Object.entries(VALUES).flatMap(([name, values]) =>
      [null, ...values, { no: 'such type' }].map((value) => ({ [name]: value })),
    ),
  ];
  const taken: number[] = [];
  for (const [id, body] of bodies.entries()) {
    const sent = { ...body, id };
    const answer = (await (await post('/v1/streams/every/records', sent)).json()) as {
      accepted: number;
    };
    const problems = validator('record_every')(sent);
    expect(problems.length === 0, `${JSON.stringify(sent)}: ${JSON.stringify(problems)}`).toBe(
      answer.accepted === 1,
    );
    if (answer.accepted === 1) taken.push(id);
  }
  expect(taken.length).toBeGreaterThan(30);
  for (const id of taken) {
    const shown = await eventually(async () => {
      const response = await fetch(`${app.address}/v1/lookups/by_id/${id}`);
      return response.status === 200 ? ((await response.json()) as object) : undefined;
    });
    expect(validator('row_every')(shown), JSON.stringify(shown)).toEqual([]);
  }
});

/** Values of the stream `every` that it takes or refuses; the schema must say the same. */
const VALUES: { readonly [field: string]: readonly unknown[] } = {
  b: [true, 'true'],
  i: [1, 0, 1.5, '1'],
  l: [1, '2', 3, '3'],
  x: [1.5, 'NaN', '-Infinity', 'much'],
  d: ['1.50', 1.5],
  t: ['abc', 'äöü', 'abcd', 5],
  c: ['a', 'c'],
  s: ['17850', 17850, 'x', true],
  at: [1_700_000_000, 1.5, '2026-01-01T00:00:00Z'],
  u: ['00000000-0000-4000-8000-00000000000a'],
  day: ['2026-01-01'],
  ts: ['2026-01-01T00:00:00'],
  bytes: ['AQI='],
  list: [['a', null], [], [5]],
  map: [{ a: 1, b: null }, { a: 'x' }],
  part: [{ a: 1 }, { a: 1, o: null }, { a: null }, { o: 1 }, { a: 1, z: 1 }],
  more: [1],
};

test('only probes, metrics, this document, logins and the claim are open', async () => {
  const { operations } = await served();
  const open = operations
    .filter(({ operation }) => operation.security?.length === 0)
    .map(({ path }) => path);
  expect([...new Set(open)].sort()).toEqual([
    '/healthz',
    '/metrics',
    '/openapi.json',
    '/readyz',
    '/v1/claim',
    '/v1/session',
  ]);
});
