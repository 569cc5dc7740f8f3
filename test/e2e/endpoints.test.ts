import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { client } from '../../src/client.ts';
import { endpoint, field as f, sql } from '../../src/index.ts';
import { temporaryFolder } from '../support/folder.ts';
import { millrace, startPipeline } from '../support/pipeline.ts';

const PIPELINE = `
import { endpoint, field as f, sql, stream } from 'millrace';
export const sales = stream('sales', {
  fields: { id: f.int(), country: f.string(), amount: f.decimal(10, 2), day: f.date(), sold_at: f.timestamptz() },
});
export const revenue = endpoint('revenue', {
  description: 'Revenue by country since a day',
  params: { since: f.date(), country: f.string().optional(), limit: f.int().min(1).max(100).default(10) },
  sql: ({ since, country, limit }) => sql\`
    select country, sum(amount) as revenue, max(sold_at) as last
    from \${sales} where day >= \${since} and (\${country} is null or country = \${country})
    group by country order by country limit \${limit}\`,
});
export const typed = endpoint('typed', {
  params: {
    flag: f.boolean(), big: f.long(), ratio: f.double(), price: f.decimal(38, 10), uid: f.uuid(),
    local: f.timestamp(), moment: f.timestamptz(), text: f.string(),
  },
  sql: (p) => sql\`select \${p.flag} as flag, \${p.big} as big, \${p.ratio} as ratio, \${p.price} as price, \${p.uid} as uid,
    \${p.local} as local, \${p.moment} as moment, \${p.text} as text\`,
});
export const recent = endpoint('recent', { maxAge: '1h', sql: sql\`select count(id) as n from \${sales}\` });
export const clock = endpoint('clock', { sql: sql\`select count(*) as n, now() as at from \${sales}\` });
export const total = endpoint('total', { sql: sql\`select count(*) as n from \${sales}\` });
`;

const RECORDS = [
  { id: 1, country: 'DE', amount: '10.50', day: '2026-01-01', sold_at: '2026-01-01T10:00:00Z' },
  { id: 2, country: 'FR', amount: '0.25', day: '2026-02-01', sold_at: '2026-02-01T10:00:00Z' },
  { id: 3, country: 'FR', amount: '99.75', day: '2026-03-01', sold_at: '2026-03-01T10:00:00Z' },
];

test('endpoints answer typed questions in each format; wrong ones name the parameter and what it takes', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const sent = await pipeline.post('/v1/streams/sales/records', JSON.stringify(RECORDS));
  expect(await sent.json()).toMatchObject({ accepted: 3 });
  const get = async (path: string) => {
    const response = await fetch(`${pipeline.url}/v1/endpoints/${path}`);
    return { status: response.status, text: await response.text() };
  };
  const rows = async (path: string) => JSON.parse((await get(path)).text) as unknown;
  expect(await rows('revenue?since=2026-01-15')).toEqual({
    rows: [{ country: 'FR', revenue: '100.00', last: '2026-03-01T10:00:00Z' }],
    rowCount: 1,
  });
  expect(await rows('revenue?since=2020-01-01&limit=1')).toMatchObject({
    rows: [{ country: 'DE', revenue: '10.50' }],
  });
  expect(await rows('revenue?since=2020-01-01&country=FR')).toMatchObject({ rowCount: 1 });
  expect(await rows("revenue?since=2020-01-01&country=' or 1=1 --"), 'a value stays one').toEqual({
    rows: [],
    rowCount: 0,
  });
  expect(await rows('total')).toEqual({ rows: [{ n: '3' }], rowCount: 1 });
  expect((await get('total?format=csv')).text).toBe('n\n3\n');
  expect((await get('total?format=ndjson')).text).toBe('{"n":"3"}\n');
  expect(await rows('total?format=json')).toMatchObject({
    columns: [{ name: 'n' }],
    rows: [['3']],
  });

  const values = {
    flag: 'true',
    big: '-9223372036854775808',
    ratio: '1e-300',
    price: '1234567890123456789012345678.0123456789',
    uid: '0b0e1c0a-9a55-4bd4-a7a8-0f2c0f3f4c11',
    local: '1969-12-31T23:59:59.999999',
    moment: '2026-03-29T01:59:59.000001+01:00',
    text: 'é😀 %&=?#',
  };
  expect(await rows(`typed?${new URLSearchParams(values)}`)).toMatchObject({
    rows: [{ ...values, flag: true, ratio: 1e-300, moment: '2026-03-29T00:59:59.000001Z' }],
  });

  const { endpoint: ask } = client({ url: pipeline.url });
  const revenue = endpoint('revenue', {
    params: { since: f.date(), at: f.timestamptz().optional(), limit: f.long().default(10n) },
    sql: ({ since, at, limit }) => sql`select ${since}, ${at}, ${limit}`,
  });
  expect(await ask(revenue, { since: '2026-01-15', limit: 1n })).toMatchObject([{ country: 'FR' }]);
  await expect(ask(revenue, { since: 'yesterday' })).rejects.toMatchObject({
    code: 'MR_REQUEST_INVALID',
  });
  // @ts-expect-error: a parameter that is needed, and one that is not there, are found by the compiler.
  await expect(ask(revenue, { sinec: '2026-01-15' })).rejects.toThrow("no parameter 'sinec'");

  for (const [path, message] of [
    ['revenue', /Parameter 'since' is missing: send \?since=…/],
    ['revenue?since=yesterday', /Parameter 'since' is date: send YYYY-MM-DD, got the text/],
    ['revenue?since=2026-01-01&limit=0', /Parameter 'limit': must be at least 1/],
    ['revenue?since=2026-01-01&limit=ten', /Parameter 'limit' is int/],
    ['revenue?since=2026-01-01&since=2026-01-02', /Parameter 'since' is there twice/],
    ['revenue?since=2026-01-01&contry=FR', /no parameter 'contry'.*since, country, limit, format/],
    ['revenue?since=2026-01-01&format=xml', /'format' must be one of json, objects/],
  ] as const) {
    const { status, text } = await get(path);
    expect([path, status]).toEqual([path, 400]);
    expect(text, path).toMatch(message);
  }
  expect(await get('nothing')).toMatchObject({
    status: 404,
    text: expect.stringContaining('Endpoints are: clock, recent, revenue, total, typed'),
  });
  const document = (await (await fetch(`${pipeline.url}/openapi.json`)).json()) as {
    paths: { [path: string]: { get: { parameters: { name: string; required: boolean }[] } } };
  };
  expect(
    document.paths['/v1/endpoints/revenue']?.get.parameters.map((one) => [one.name, one.required]),
  ).toEqual([
    ['since', true],
    ['country', false],
    ['limit', false],
    ['format', false],
  ]);
  expect(await pipeline.stop()).toBe(0);
}, 60_000);

test('what is wrong with an endpoint is said before anything runs, with its place', async () => {
  const problemOf = async (definition: string) => {
    const folder = temporaryFolder();
    const source = PIPELINE.replace(/export const revenue[\s\S]*/, definition);
    writeFileSync(join(folder, 'pipeline.ts'), source);
    const { code, err, out } = await millrace(['plan', '--pipeline', folder]);
    expect(code).not.toBe(0);
    return `${err}${out}`;
  };
  expect(
    await problemOf("export const e = endpoint('e', { sql: sql`select nothing from ${sales}` });"),
  ).toMatch(/pipeline\.ts:6.*e: .*"nothing" not found/s);
  expect(
    await problemOf(
      "export const e = endpoint('e', { params: { a: f.int() }, sql: sql`select 1` });",
    ),
  ).toMatch(/parameter 'a' is not used/);
  expect(
    await problemOf(
      "export const e = endpoint('e', { params: { format: f.string() }, sql: ({ format }) => sql`select ${format}` });",
    ),
  ).toMatch(/parameter 'format' has the name of a parameter of every endpoint/);
  expect(
    await problemOf(
      "export const e = endpoint('e', { params: { a: f.list(f.int()) }, sql: ({ a }) => sql`select ${a}` });",
    ),
  ).toMatch(/parameter 'a' is a list, which cannot stand in an address/);
}, 60_000);

test('the row types of endpoints are written for the compiler, as values are in JSON', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const types = readFileSync(join(pipeline.folder, 'millrace-env.d.ts'), 'utf8');
  expect(types).toMatch(
    /interface EndpointRows \{.*revenue: \{\s+"country": string \| null;\s+"revenue": string \| null;\s+"last": string \| null;/s,
  );
  expect(types).toMatch(
    /typed: \{\s+"flag": boolean \| null;\s+"big": string \| null;\s+"ratio": number \| 'NaN'/,
  );
});

test('an answer is given again until what it reads changes, and 304 to who has it; maxAge lets it be older', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const send = (records: object[]) =>
    pipeline.post('/v1/streams/sales/records', JSON.stringify(records));
  const get = async (name: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${pipeline.url}/v1/endpoints/${name}`, { headers });
    const text = await response.text();
    return {
      status: response.status,
      n: text === '' ? undefined : JSON.parse(text).rows[0].n,
      result: response.headers.get('millrace-result'),
      tag: response.headers.get('etag') ?? '',
      age: response.headers.get('cache-control'),
    };
  };
  await send(RECORDS.slice(0, 1));
  const first = await get('total');
  expect(first).toMatchObject({ n: '1', result: 'computed', age: 'private, no-cache' });
  expect(await get('total')).toMatchObject({ n: '1', result: 'kept', tag: first.tag });
  expect(await get('total', { 'if-none-match': first.tag })).toMatchObject({ status: 304 });
  expect(await get('recent')).toMatchObject({ n: '1', result: 'computed' });
  expect(await get('clock')).toMatchObject({ result: 'computed' });
  expect(await get('clock'), 'the clock goes on').toMatchObject({ result: 'computed' });

  await send(RECORDS.slice(1, 2));
  expect(await get('total', { 'if-none-match': first.tag })).toMatchObject({
    status: 200,
    n: '2',
    result: 'computed',
  });
  const older = await get('recent');
  expect(older).toMatchObject({ n: '1', result: 'kept' });
  expect(older.age).toMatch(/^private, max-age=3[56]\d\d$/);
});
