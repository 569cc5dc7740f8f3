import { expect, test } from 'vitest';
import { client } from '../../src/client.ts';
import { field as f, lookup, stream } from '../../src/index.ts';
import { startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';

const PIPELINE = `
import { field as f, lookup, stream } from 'millrace';
export const visits = stream('visits', { fields: { id: f.long(), at: f.timestamptz(), price: f.decimal(10, 2).optional(), raw: f.binary().optional(), tags: f.list(f.string()).optional(), ratio: f.double().optional() } });
export const by_id = lookup('by_id', { from: visits, key: 'id' });
`;
const visits = stream('visits', {
  fields: {
    id: f.long(),
    at: f.timestamptz(),
    price: f.decimal(10, 2).optional(),
    raw: f.binary().optional(),
    tags: f.list(f.string()).optional(),
    ratio: f.double().optional(),
  },
});
const byId = lookup('by_id', { from: visits, key: 'id' });

test('the client sends bigint, Date, bytes and decimals exactly, and reads them back', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const millrace = client({ url: app.address });
  const answer = await millrace.send(
    visits,
    [
      {
        id: 9007199254740993n,
        at: new Date('2026-01-02T03:04:05.678Z'),
        price: '9.90',
        raw: new Uint8Array([1, 2, 255]),
        tags: ['a', 'ü'],
        ratio: Number.NaN,
      },
      { id: 2n, at: new Date('2026-01-02T00:00:00Z') },
    ],
    { idempotencyKey: 'one' },
  );
  expect(answer).toMatchObject({ accepted: 2, rejected: [] });
  const { columns, rows } = await millrace.sql(
    'select id, "at", price, raw, tags, ratio from visits where id > $1 order by id desc',
    [2],
  );
  expect(columns.map((column) => column.type)).toEqual([
    'BIGINT',
    'TIMESTAMP WITH TIME ZONE',
    'DECIMAL(10,2)',
    'BLOB',
    'VARCHAR[]',
    'DOUBLE',
  ]);
  expect(rows).toEqual([
    ['9007199254740993', '2026-01-02T03:04:05.678Z', '9.90', 'AQL/', ['a', 'ü'], 'NaN'],
  ]);
  const page = await eventually(async () => {
    const found = await millrace.lookup(byId, 9007199254740993n);
    return found.items.length > 0 ? found : undefined;
  });
  expect(page.items).toEqual([
    {
      id: '9007199254740993',
      at: '2026-01-02T03:04:05.678Z',
      price: '9.90',
      raw: 'AQL/',
      tags: ['a', 'ü'],
      ratio: 'NaN',
    },
  ]);
  expect((await millrace.lookup(byId, 404n)).items).toEqual([]);
});

test('the client says what the server refused, and throws what it could not do', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const millrace = client({ url: app.address });
  const wrong = { id: 1n, at: 'yesterday' } as unknown as { id: bigint; at: Date };
  expect(await millrace.send(visits, wrong)).toMatchObject({
    accepted: 0,
    rejected: [{ index: 0, field: 'at' }],
  });
  await expect(millrace.sql('select * from nothing')).rejects.toMatchObject({
    name: 'MillraceError',
    code: 'MR_QUERY_FAILED',
  });
});

const typed = stream('typed', {
  fields: {
    id: f.long(),
    at: f.timestamptz(),
    price: f.decimal(38, 20).optional(),
    raw: f.binary().optional(),
    ratio: f.double().optional(),
    day: f.date().optional(),
    part: f.struct({ when: f.timestamptz(), more: f.list(f.long()) }).optional(),
    note: f.string().default('none'),
    epoch: f.timestamptz().from('epoch-seconds').optional(),
  },
  key: 'id',
});
const TYPED = `
import { field as f, stream } from 'millrace';
export const typed = stream('typed', { fields: { id: f.long(), at: f.timestamptz(), price: f.decimal(38, 20).optional(), raw: f.binary().optional(), ratio: f.double().optional(), day: f.date().optional(),
  part: f.struct({ when: f.timestamptz(), more: f.list(f.long()) }).optional(), note: f.string().default('none'), epoch: f.timestamptz().from('epoch-seconds').optional() }, key: 'id' });
`;

test('the client reads rows as it sends them, by range and key, and follows', async () => {
  const app = await startApp(temporaryFolder(), TYPED);
  const millrace = client({ url: app.address });
  const row = {
    id: 9007199254740993n,
    at: new Date('2026-01-02T03:04:05.678Z'),
    price: '123456789012345678.00000000000000000001',
    raw: new Uint8Array([0, 1, 255]),
    ratio: Number.NEGATIVE_INFINITY,
    day: '2026-01-31',
    part: { when: new Date('1969-12-31T23:59:59.001Z'), more: [2n ** 63n - 1n, -5n] },
    note: 'ü "x"\n',
  };
  const least = { id: 2n, at: new Date(0) };
  await millrace.send(typed, [row, least]);
  await fetch(`${app.address}/v1/streams/typed/records`, {
    method: 'POST',
    body: '{"id":9007199254740995,"at":"2026-01-01T00:00:00+01:00","price":1.5,"epoch":1.25}',
    headers: { 'content-type': 'application/json' },
  });
  const list = async (options: Parameters<typeof millrace.read>[1]) => {
    const found = [];
    for await (const one of millrace.read(typed, options)) found.push(one);
    return found;
  };
  const nothing = {
    price: null,
    raw: null,
    ratio: null,
    day: null,
    part: null,
    note: 'none',
    epoch: null,
  };
  const all = await list({ follow: false });
  expect(all.map(({ record }) => record)).toEqual([
    { ...row, epoch: null },
    { ...nothing, ...least },
    {
      ...nothing,
      id: 9007199254740995n,
      at: new Date('2025-12-31T23:00:00Z'),
      price: '1.50000000000000000000',
      epoch: new Date(1250),
    },
  ]);
  expect(all.map(({ sequenceNumber, shard }) => [sequenceNumber, shard])).toEqual([
    ['0', 0],
    ['1', 0],
    ['2', 0],
  ]);
  expect(all[0]?.arrivedAt).toBeInstanceOf(Date);
  expect(await list({ key: 2n, follow: false })).toEqual([all[1]]);
  expect(await list({ from: 1, limit: 1 })).toEqual([all[1]]);
  expect(await list({ from: '1', until: 3n })).toEqual(all.slice(1));
  expect(await list({ from: new Date(0), shards: [0], until: 2 })).toEqual(all.slice(0, 2));
  await expect(list({ from: 7 })).rejects.toMatchObject({ code: 'MR_REQUEST_INVALID' });

  const stop = new AbortController();
  const followed: bigint[] = [];
  const following = (async () => {
    for await (const { record } of millrace.read(typed, { from: 'latest', signal: stop.signal }))
      followed.push(record.id);
  })();
  await eventually(async () => {
    const text = await (await fetch(`${app.address}/metrics`)).text();
    return text.includes('millrace_readers 1') ? true : undefined;
  });
  await millrace.send(typed, { id: 5n, at: new Date(0) });
  await eventually(() => (followed.length > 0 ? true : undefined));
  stop.abort();
  await expect(following).rejects.toMatchObject({ name: 'AbortError' });
  expect(followed).toEqual([5n]);
});

test('a read of the client goes on when the server comes back, without gap or double', async () => {
  const folder = temporaryFolder();
  const first = await startApp(folder, PIPELINE);
  const port = Number(new URL(first.address).port);
  const millrace = client({ url: first.address });
  const ids: bigint[] = [];
  const reading = (async () => {
    for await (const { record } of millrace.read(visits, { limit: 6 })) ids.push(record.id);
  })();
  const at = new Date(0);
  await millrace.send(
    visits,
    [1n, 2n, 3n].map((id) => ({ id, at })),
  );
  await eventually(() => (ids.length === 3 ? true : undefined));
  await first.stop({ deliver: false });
  await startApp(folder, PIPELINE, { port });
  await millrace.send(
    visits,
    [4n, 5n, 6n, 7n].map((id) => ({ id, at })),
  );
  await reading;
  expect(ids).toEqual([1n, 2n, 3n, 4n, 5n, 6n]);
});
