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
