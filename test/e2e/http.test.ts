import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { zstdFrame } from '../support/zstd.ts';

const PIPELINE = `
import { field as f, lookup, model, sequence, sql, stream } from 'millrace';
export const sales = stream('sales', {
  fields: { id: f.string(), code: f.string(), qty: f.int().min(1) },
  key: 'id', shards: 2,
});
export const kept = stream('kept', { fields: { n: f.int() }, invalid: 'deadletter' });
export const wide = stream('wide', { fields: {
  l: f.long(), d: f.decimal(38, 10), ts: f.timestamp(), tz: f.timestamptz(), x: f.double(), b: f.binary(), u: f.uuid(), day: f.date(),
  flag: f.boolean(), list: f.list(f.long()), map: f.map(f.string(), f.decimal(5, 2)), st: f.struct({ at: f.timestamptz(), n: f.int().optional() }),
} });
export const lines = lookup('lines', { from: sales, key: 'id', sort: ['code', sequence] });
export const by_qty = lookup('by_qty', { from: sales, key: 'id', sort: 'qty' });
export const last = lookup('last', { from: sales, key: 'id' });
export const not_numbers = model('not_numbers', { sql: sql\`select cast(code as int) as qty from \${sales}\`, materialize: 'view' });
export const per_code = model('per_code', { sql: sql\`select code, sum(qty) as qty from \${sales} group by all\`, schedule: 'manual' });
`;
const SALES = '/v1/streams/sales/records';
const start = () => startPipeline(temporaryFolder(), PIPELINE);
const sale = (id: string, code = 'x', qty = 1) => JSON.stringify({ id, code, qty });

interface Answer {
  readonly accepted: number;
  readonly rejected: readonly { index: number; code: string; field?: string; message: string }[];
  readonly duplicate: readonly number[];
  readonly shards: readonly { shard: number; first: string; last: string; count: number }[];
  readonly error?: { code: string; message: string; position?: number };
}
const answerOf = async (response: Response) => (await response.json()) as Answer;

/** A request as it is written, for what fetch does not let through. */
function raw(
  pipeline: RunningPipeline,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${pipeline.url}${path}`,
      { method: options.method ?? 'GET', headers: options.headers ?? {}, agent: false },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    asked.on('error', reject);
    asked.end(options.body);
  });
}

/** Private files of the sql child. */
function scratchFiles(pipeline: RunningPipeline): string[] {
  return readdirSync(join(pipeline.folder, '.millrace/scratch/sql'));
}

/** 100 lines `{"id":"z0","code":"zstd","qty":1}` with ids z0 to z2, compressed by zstd -19. */
const ZSTD_100 =
  'KLUv/QRonQEARAJ7ImlkIjoiejAiLCJjb2RlIjoienN0ZCIsInF0eSI6MX0KMTIEAN9Mgw9gOTCYyqvIJc2YIw==';

describe('POST /v1/streams/{stream}/records', () => {
  test('takes an object, an array, NDJSON and pretty-printed objects; what it answers is stored', async () => {
    const pipeline = await start();
    const rows = [sale('a'), sale('b'), sale('c')];
    const bodies: [string, string, number][] = [
      [rows[0] as string, 'application/json', 1],
      [`[${rows.join(',')}]`, 'application/json', 3],
      [
        JSON.stringify(
          rows.map((row) => JSON.parse(row) as object),
          null,
          2,
        ),
        'application/json; charset=utf-8',
        3,
      ],
      [rows.join('\n'), 'application/x-ndjson', 3],
      [`${rows.join('\r\n')}\r\n\r\n`, 'application/ndjson', 3],
      [rows.join('\n'), 'application/json', 3],
      [
        rows.map((row) => JSON.stringify(JSON.parse(row), null, 2)).join('\n'),
        'application/json',
        3,
      ],
      [`\n  ${rows[0]}  \n`, 'application/json', 1],
    ];
    let total = 0;
    for (const [body, type, count] of bodies) {
      const response = await pipeline.post(SALES, body, { 'content-type': type });
      expect(response.status, body).toBe(200);
      const answer = await answerOf(response);
      expect(answer, body).toMatchObject({ accepted: count, rejected: [], duplicate: [] });
      expect(
        answer.shards.reduce((sum, shard) => sum + shard.count, 0),
        'records of the shards',
      ).toBe(count);
      total += count;
    }
    expect(
      await pipeline.sql('select count(*), count(distinct id), sum(qty) from lake.sales'),
    ).toEqual([[String(total), '3', String(total)]]);
  });

  test('answers where in which shard records lie: first, last and count', async () => {
    const pipeline = await start();
    const { shards } = await answerOf(
      await pipeline.post(
        SALES,
        Array.from({ length: 50 }, (_, index) => sale(`k${index}`)).join('\n'),
      ),
    );
    expect(shards.map(({ shard }) => shard)).toEqual([0, 1]);
    const stored = await pipeline.sql(
      'select _shard, min(_sequence_number), max(_sequence_number), count(*) from records.sales group by 1 order by 1',
    );
    expect(stored).toEqual(
      shards.map(({ shard, first, last, count }) => [shard, first, last, String(count)]),
    );
  });

  test('takes gzip and zstd, streamed or whole', async () => {
    const pipeline = await start();
    const rows = Array.from({ length: 5000 }, (_, index) => sale(`g${index}`)).join('\n');
    for (const [encoding, body, count] of [
      ['gzip', gzipSync(rows), 5000],
      ['x-gzip', gzipSync(sale('one')), 1],
      ['GZIP', gzipSync(rows), 5000],
      ['zstd', zstdFrame(Buffer.from(sale('raw block'))), 1],
      ['zstd', Buffer.from(ZSTD_100, 'base64'), 100],
      ['identity', Buffer.from(sale('plain')), 1],
    ] as const) {
      const response = await pipeline.post(SALES, body, { 'content-encoding': encoding });
      expect(await response.json(), encoding).toMatchObject({ accepted: count, rejected: [] });
    }
    expect(
      await pipeline.sql(
        "select id, count(*) from lake.sales where code = 'zstd' group by all order by 1",
      ),
    ).toEqual([
      ['z0', '34'],
      ['z1', '33'],
      ['z2', '33'],
    ]);
  });

  test('judges each record alone: index, code, field and message of the refused; 200 if anything was accepted', async () => {
    const pipeline = await start();
    const response = await pipeline.post(
      SALES,
      `[${[
        sale('a', 'x', 0),
        sale('b'),
        '5',
        '{"id":"c"}',
        '{"id":"d","code":"x","qty":"1"}',
        '{"id":"e","code":"x","qty":1,"Qty":2}',
        sale('f'),
      ].join(',')}]`,
    );
    expect(response.status).toBe(200);
    const { accepted, rejected } = await answerOf(response);
    expect(accepted).toBe(2);
    expect(rejected).toEqual([
      {
        index: 0,
        code: 'MR_FIELD_RULE',
        field: 'qty',
        message: expect.stringMatching(/at least 1, got the number 0/),
      },
      { index: 2, code: 'MR_RECORD_SHAPE', message: expect.stringMatching(/JSON object/) },
      {
        index: 3,
        code: 'MR_FIELD_MISSING',
        field: 'code',
        message: expect.stringMatching(/required/),
      },
      {
        index: 4,
        code: 'MR_FIELD_TYPE',
        field: 'qty',
        message: expect.stringMatching(/is int: .*got the text "1"/),
      },
      {
        index: 5,
        code: 'MR_FIELD_UNKNOWN',
        field: 'Qty',
        message: expect.stringMatching(/Did you mean 'qty'\? Case matters/),
      },
    ]);
    expect(await pipeline.sql('select id from lake.sales order by 1')).toEqual([['b'], ['f']]);
  });

  test('answers 422 if nothing was accepted, in the same form', async () => {
    const pipeline = await start();
    for (const [body, code] of [
      [sale('a', 'x', 0), 'MR_FIELD_RULE'],
      ['{"id":', 'MR_RECORD_SYNTAX'],
      ['hello', 'MR_RECORD_SYNTAX'],
      ['[{"id":"a"}', 'MR_RECORD_SYNTAX'],
    ] as const) {
      const response = await pipeline.post(SALES, body);
      expect(response.status, body).toBe(422);
      const answer = await answerOf(response);
      expect(answer, body).toMatchObject({ accepted: 0, duplicate: [], shards: [] });
      expect(
        answer.rejected.map((refused) => refused.code),
        body,
      ).toContain(code);
    }
    expect(await pipeline.sql('select count(*) from lake.sales')).toEqual([['0']]);
  });

  test('keeps the others with their bytes where the stream says so', async () => {
    const pipeline = await start();
    const bad = Buffer.from([...Buffer.from('{"n":"'), 0xff, ...Buffer.from('"}')]);
    const response = await pipeline.post(
      '/v1/streams/kept/records',
      Buffer.concat([Buffer.from('{"n":1}\n{"n": "one"}\nnonsense\n'), bad]),
      { 'content-type': 'application/x-ndjson' },
    );
    expect(await answerOf(response)).toMatchObject({
      accepted: 1,
      rejected: [{ index: 1 }, { index: 2 }, { index: 3 }],
    });
    const letters = await pipeline.sql(
      'select code, field, record, bytes from deadletters.kept order by _sequence_number',
    );
    expect(letters).toEqual([
      ['MR_FIELD_TYPE', 'n', '{"n": "one"}', null],
      ['MR_RECORD_SYNTAX', null, 'nonsense', null],
      ['MR_RECORD_ENCODING', null, null, bad.toString('base64')],
    ]);
  });

  test('lists at most 1,000 refusals and counts the rest', async () => {
    const pipeline = await start();
    const response = await pipeline.post(SALES, `${'{}\n'.repeat(1500)}${sale('a')}`);
    const answer = (await response.json()) as Answer & { rejectedOmitted: number };
    expect([answer.accepted, answer.rejected.length, answer.rejectedOmitted]).toEqual([
      1, 1000, 500,
    ]);
  });

  test('refuses what is no body of records, and says what to send', async () => {
    const pipeline = await start();
    const cases: [Record<string, string>, string | Buffer, number, string, RegExp][] = [
      [
        { 'content-type': 'text/plain' },
        sale('a'),
        415,
        'MR_REQUEST_MEDIA_TYPE',
        /'text\/plain'.*application\/json or application\/x-ndjson; with curl: -H/,
      ],
      [
        { 'content-type': 'application/x-www-form-urlencoded' },
        sale('a'),
        415,
        'MR_REQUEST_MEDIA_TYPE',
        /with curl: -H/,
      ],
      [
        { 'content-encoding': 'br' },
        sale('a'),
        415,
        'MR_REQUEST_MEDIA_TYPE',
        /'br' is not supported.*gzip or zstd/,
      ],
      [{ 'content-encoding': 'gzip' }, sale('a'), 400, 'MR_REQUEST_INVALID', /not whole gzip/],
      [
        { 'content-encoding': 'gzip' },
        gzipSync(sale('a').repeat(1000)).subarray(0, 40),
        400,
        'MR_REQUEST_INVALID',
        /not whole gzip/,
      ],
      [{ 'content-encoding': 'zstd' }, sale('a'), 400, 'MR_REQUEST_INVALID', /not whole zstd/],
      [{}, '', 400, 'MR_REQUEST_INVALID', /no record/],
      [{}, '[]', 400, 'MR_REQUEST_INVALID', /Send a JSON object, an array of objects, or NDJSON/],
      [{}, ' \n\n ', 400, 'MR_REQUEST_INVALID', /no record/],
      [
        { 'idempotency-key': 'k'.repeat(256) },
        sale('a'),
        400,
        'MR_REQUEST_INVALID',
        /1 to 255 bytes/,
      ],
    ];
    for (const [headers, body, status, code, says] of cases) {
      const response = await pipeline.post(SALES, body, headers);
      const { error } = await answerOf(response);
      expect([response.status, error?.code], JSON.stringify(headers)).toEqual([status, code]);
      expect(error?.message).toMatch(says);
    }
    const unknown = await pipeline.post('/v1/streams/sale/records', sale('a'));
    expect([unknown.status, (await answerOf(unknown)).error]).toEqual([
      404,
      {
        code: 'MR_PLAN_UNKNOWN',
        message: "There is no stream 'sale'. Streams are: kept, sales, wide.",
      },
    ]);
    expect(await pipeline.sql('select count(*) from lake.sales')).toEqual([['0']]);
  });

  test('refuses a keyed request past 8 MiB with 413, and stores nothing of it', async () => {
    const pipeline = await start();
    const response = await pipeline.post(SALES, `${sale('a', 'x'.repeat(1000))}\n`.repeat(9000), {
      'idempotency-key': 'large',
    });
    expect([response.status, (await answerOf(response)).error?.code]).toEqual([
      413,
      'MR_REQUEST_TOO_LARGE',
    ]);
    expect(await pipeline.sql('select count(*) from lake.sales')).toEqual([['0']]);
  });
});

describe('Idempotency-Key', () => {
  test('makes a repeat safe: the same body, marked as replayed, and no second record; also after a restart', async () => {
    const folder = temporaryFolder();
    const pipeline = await startPipeline(folder, PIPELINE);
    const send = (to: RunningPipeline, body: string, key: string, path = SALES) =>
      to.post(path, body, { 'idempotency-key': key });
    const first = await send(pipeline, `${sale('a')}\n{}`, 'one');
    expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([200, null]);
    const text = await first.text();
    const again = await send(pipeline, `${sale('a')}\n{}`, 'one');
    expect([again.status, again.headers.get('idempotent-replayed'), await again.text()]).toEqual([
      200,
      'true',
      text,
    ]);

    const nothing = await send(pipeline, '{}', 'refused');
    const replayed = await send(pipeline, '{}', 'refused');
    expect([nothing.status, replayed.status, replayed.headers.get('idempotent-replayed')]).toEqual([
      422,
      422,
      'true',
    ]);
    expect(await replayed.text()).toBe(await nothing.text());

    const other = await send(pipeline, sale('b'), 'one');
    expect([other.status, (await answerOf(other)).error?.code]).toEqual([
      422,
      'MR_IDEMPOTENCY_MISMATCH',
    ]);
    expect(
      (await send(pipeline, '{"n":1}', 'one', '/v1/streams/kept/records')).status,
      'the key of another stream',
    ).toBe(200);

    await pipeline.kill();
    const restarted = await startPipeline(folder, undefined);
    const later = await send(restarted, `${sale('a')}\n{}`, 'one');
    expect([later.status, later.headers.get('idempotent-replayed'), await later.text()]).toEqual([
      200,
      'true',
      text,
    ]);
    expect((await send(restarted, sale('b'), 'one')).status).toBe(422);
    expect(await restarted.sql('select count(*) from lake.sales')).toEqual([['1']]);
  });

  test('of requests at the same time stores one; the others are told to wait or get its answer', async () => {
    const pipeline = await start();
    const body = `${sale('a')}\n`.repeat(2000);
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const response = await pipeline.post(SALES, body, { 'idempotency-key': 'same' });
        return {
          status: response.status,
          replayed: response.headers.get('idempotent-replayed'),
          code: (await answerOf(response)).error?.code,
        };
      }),
    );
    expect(
      answers.filter(({ status, replayed }) => status === 200 && replayed === null),
    ).toHaveLength(1);
    for (const { status, replayed, code } of answers)
      expect(
        status === 200
          ? [null, 'true'].includes(replayed)
          : [status, code].join() === '409,MR_REQUEST_CONFLICT',
      ).toBe(true);
    expect(await pipeline.sql('select count(*) from lake.sales')).toEqual([['2000']]);
  });
});

test('Host and Origin of other places are refused, so that no page of another site can call', async () => {
  const pipeline = await start();
  const port = new URL(pipeline.url).port;
  const status = async (headers: Record<string, string>) =>
    (await raw(pipeline, '/healthz', { headers })).status;
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'localhost', '[::1]:80'])
    expect(await status({ host }), host).toBe(200);
  for (const host of [
    'evil.example',
    `127.0.0.1.evil.example:${port}`,
    'localhost.evil.example',
    '169.254.1.1',
  ]) {
    const answer = await raw(pipeline, '/healthz', { headers: { host } });
    expect([answer.status, (JSON.parse(answer.text) as Answer).error?.code], host).toEqual([
      403,
      'MR_REQUEST_HOST',
    ]);
  }
  const here = `127.0.0.1:${port}`;
  expect(await status({ host: here, origin: pipeline.url })).toBe(200);
  expect(await status({ host: here, origin: 'http://localhost:5173' })).toBe(200);
  for (const origin of ['http://evil.example', 'https://localhost.evil.example', 'null', 'file://'])
    expect(await status({ host: here, origin }), origin).toBe(403);
  const write = await raw(pipeline, SALES, {
    method: 'POST',
    headers: { host: here, origin: 'http://evil.example', 'content-type': 'application/json' },
    body: sale('a'),
  });
  expect(write.status).toBe(403);
  expect(await pipeline.sql('select count(*) from lake.sales')).toEqual([['0']]);
});

test('a host name is answered for where the command line allows it', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE, {
    args: ['--allow-host', 'shop.internal', '--allow-host', 'other.internal'],
  });
  for (const [host, status] of [
    ['shop.internal:80', 200],
    ['other.internal', 200],
    ['third.internal', 403],
  ] as const)
    expect((await raw(pipeline, '/healthz', { headers: { host } })).status, host).toBe(status);
  expect(
    (await raw(pipeline, '/healthz', { headers: { origin: 'https://shop.internal' } })).status,
  ).toBe(200);
});

describe('POST /v1/sql', () => {
  const ask = (pipeline: RunningPipeline, body: object) =>
    pipeline.post('/v1/sql', JSON.stringify(body));

  test('shows a decimal with a zero before its point, in every format', async () => {
    const pipeline = await start();
    const query =
      "select 0.9999::decimal(4,4) as a, -0.5::decimal(3,3) as b, [0.25::decimal(2,2)] as c, '.5' as d, 1.5::decimal(3,1) as e";
    expect(await pipeline.sql(query)).toEqual([['0.9999', '-0.500', ['0.25'], '.5', '1.5']]);
    const csv = await pipeline.post(
      '/v1/sql',
      JSON.stringify({ sql: query.replace('[0.25::decimal(2,2)]', '0'), format: 'csv' }),
    );
    expect(await csv.text()).toBe('a,b,c,d,e\n0.9999,-0.500,0,.5,1.5\n');
  });

  test('answers exactly, in each format', async () => {
    const pipeline = await start();
    await pipeline.post(
      '/v1/streams/wide/records',
      JSON.stringify({
        l: '9223372036854775807',
        d: '1234567890123456789012345678.0123456789',
        ts: '2026-01-01T00:00:00.123456',
        tz: '2026-01-01T02:00:00.5+01:30',
        x: 'NaN',
        b: 'AQI=',
        u: '0F3A9C21-0000-4000-8000-000000000000',
        day: '2026-02-28',
        flag: true,
        list: ['9223372036854775807', 1],
        map: { a: '1.50' },
        st: { at: '2026-01-01T00:00:00Z' },
      }),
    );
    const row = {
      l: '9223372036854775807',
      d: '1234567890123456789012345678.0123456789',
      ts: '2026-01-01T00:00:00.123456',
      tz: '2026-01-01T00:30:00.5Z',
      x: 'NaN',
      b: 'AQI=',
      u: '0f3a9c21-0000-4000-8000-000000000000',
      day: '2026-02-28',
      flag: true,
      list: ['9223372036854775807', '1'],
      map: { a: '1.50' },
      st: { at: '2026-01-01T00:00:00Z', n: null },
    };
    const sql = 'select * from lake.wide';
    const json = await ask(pipeline, { sql });
    expect(json.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const result = (await json.json()) as {
      columns: { name: string; type: string }[];
      rows: unknown[][];
      rowCount: number;
    };
    expect(result.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'l BIGINT',
      'd DECIMAL(38,10)',
      'ts TIMESTAMP',
      'tz TIMESTAMP WITH TIME ZONE',
      'x DOUBLE',
      'b BLOB',
      'u UUID',
      'day DATE',
      'flag BOOLEAN',
      'list BIGINT[]',
      'map MAP(VARCHAR, DECIMAL(5,2))',
      'st STRUCT("at" TIMESTAMP WITH TIME ZONE, "n" INTEGER)',
    ]);
    expect([result.rows, result.rowCount]).toEqual([[Object.values(row)], 1]);

    const ndjson = await ask(pipeline, { sql: `${sql} union all ${sql}`, format: 'ndjson' });
    expect(ndjson.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    expect(
      (await ndjson.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([row, row]);

    const csv = await ask(pipeline, {
      sql: `select l, d, ts, tz, day, null as nothing, '' as empty, 'a,"b' as quoted from lake.wide`,
      format: 'csv',
    });
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(await csv.text()).toBe(
      `l,d,ts,tz,day,nothing,empty,quoted\n${row.l},${row.d},${row.ts},${row.tz},${row.day},,"","a,""b"\n`,
    );

    const parquet = await ask(pipeline, { sql, format: 'parquet' });
    expect(parquet.headers.get('content-type')).toBe('application/vnd.apache.parquet');
    const bytes = Buffer.from(await parquet.arrayBuffer());
    expect([bytes.subarray(0, 4).toString(), bytes.subarray(-4).toString()]).toEqual([
      'PAR1',
      'PAR1',
    ]);
    expect(
      await ask(pipeline, { sql: 'select 1 as one where false' }).then((response) =>
        response.json(),
      ),
    ).toEqual({ columns: [{ name: 'one', type: 'INTEGER' }], rows: [], rowCount: 0 });
  });

  test('binds parameters by place and by name, and never reads them as SQL', async () => {
    const pipeline = await start();
    await pipeline.post(SALES, [sale('a', "o'x", 2), sale('b', 'y', 3)].join('\n'));
    const rows = async (sql: string, params: unknown) =>
      ((await (await ask(pipeline, { sql, params })).json()) as { rows?: unknown[][] }).rows;
    expect(
      await rows('select id from lake.sales where code = $1 and qty = $2', ["o'x", 2]),
    ).toEqual([['a']]);
    expect(
      await rows('select id from lake.sales where code = ?', ["'; drop table sales --"]),
    ).toEqual([]);
    expect(
      await rows('select $name as name, $missing is null as missing', { name: 'x', missing: null }),
    ).toEqual([['x', true]]);
    expect(
      await rows('select $1::bigint, $2::decimal(20, 2), $3', [
        '9223372036854775807',
        '1.10',
        true,
      ]),
    ).toEqual([['9223372036854775807', '1.10', true]]);
  });

  test('says where a statement is wrong and what may be meant; only SELECT is allowed', async () => {
    const pipeline = await start();
    await pipeline.post(SALES, sale('a'));
    const cases: [object, number, string, RegExp, number | undefined][] = [
      [{ sql: 'selec 1' }, 400, 'MR_QUERY_SYNTAX', /syntax error at or near "selec"/, 0],
      [{ sql: 'select 1 +' }, 400, 'MR_QUERY_SYNTAX', /syntax error/, 10],
      [
        { sql: 'select foo from lake.sales' },
        400,
        'MR_QUERY_FAILED',
        /"foo" not found[\s\S]*Candidate bindings/,
        7,
      ],
      [
        { sql: 'select * from lake.slaes' },
        400,
        'MR_QUERY_FAILED',
        /no table lake\.slaes\. Did you mean lake\.sales\?/,
        14,
      ],
      [
        { sql: 'select * from warehouse.per_cod' },
        400,
        'MR_QUERY_FAILED',
        /Did you mean warehouse\.per_code\?/,
        14,
      ],
      [{ sql: 'select fo(1)' }, 400, 'MR_QUERY_FAILED', /does not exist/, 7],
      [{ sql: 'delete from lake.sales' }, 403, 'MR_QUERY_REFUSED', /Only SELECT/, undefined],
      [
        { sql: 'select 1; select 2' },
        403,
        'MR_QUERY_REFUSED',
        /One statement at a time/,
        undefined,
      ],
      [
        { sql: "select * from read_csv('x.csv')" },
        403,
        'MR_QUERY_REFUSED',
        /read_csv\(\) is not allowed/,
        14,
      ],
      [
        { sql: "select 'äöü', nope from lake.sales" },
        400,
        'MR_QUERY_FAILED',
        /"nope" not found/,
        14,
      ],
      [{ sql: "select 'äöü' frm lake.sales" }, 400, 'MR_QUERY_SYNTAX', /near "lake"/, 17],
      [{ sql: "select 'äöü' from lake.sale" }, 400, 'MR_QUERY_FAILED', /no table lake\.sale/, 18],
      [
        { sql: "select cast('abc' as int) as zzz" },
        400,
        'MR_QUERY_FAILED',
        /Could not convert string 'abc'/,
        7,
      ],
      [
        { sql: "select 'ä', cast($1 as int)", params: ['abc'], format: 'csv' },
        400,
        'MR_QUERY_FAILED',
        /Could not convert string 'abc'/,
        12,
      ],
      [
        { sql: 'select qty from warehouse.not_numbers' },
        400,
        'MR_QUERY_FAILED',
        /Could not convert string 'x'/,
        undefined,
      ],
      [
        { sql: 'select $1, $2', params: ['only one'] },
        400,
        'MR_QUERY_FAILED',
        /has the parameters \$1, \$2; not provided in `params`: \$2\./,
        undefined,
      ],
      [{ sql: 'select $1' }, 400, 'MR_QUERY_FAILED', /not provided in `params`: \$1\./, undefined],
      [
        { sql: 'select ? + ?', params: [1, 2, 3] },
        400,
        'MR_QUERY_FAILED',
        /`params` has too many: \$3\./,
        undefined,
      ],
      [
        { sql: 'select 1', params: [1] },
        400,
        'MR_QUERY_FAILED',
        /has no parameters; `params` has too many: \$1/,
        undefined,
      ],
      [
        { sql: 'select $code, $qty', params: { code: 'x', quantity: 1 } },
        400,
        'MR_QUERY_FAILED',
        /parameters \$code, \$qty; not provided in `params`: \$qty; .*too many: \$quantity/,
        undefined,
      ],
      [
        { sql: 'select $code', params: ['x'] },
        400,
        'MR_QUERY_FAILED',
        /Send named ones as an object/,
        undefined,
      ],
      [
        { sql: 'select 1', params: [[1]] },
        400,
        'MR_REQUEST_INVALID',
        /texts, numbers, booleans or null/,
        undefined,
      ],
      [
        { sql: 'select 1', params: 'x' },
        400,
        'MR_REQUEST_INVALID',
        /a list or an object/,
        undefined,
      ],
      [{ sql: '' }, 400, 'MR_REQUEST_INVALID', /'sql' must be a statement/, undefined],
      [
        { sql: 'select 1', format: 'xml' },
        400,
        'MR_REQUEST_INVALID',
        /one of json, objects, ndjson, csv, parquet/,
        undefined,
      ],
      [
        { sql: 'select 1', parameters: [] },
        400,
        'MR_REQUEST_INVALID',
        /no member 'parameters'/,
        undefined,
      ],
      [[], 400, 'MR_REQUEST_INVALID', /must be a JSON object/, undefined],
    ];
    for (const [body, status, code, says, position] of cases) {
      const response = await ask(pipeline, body);
      const { error } = await answerOf(response);
      expect([response.status, error?.code, error?.position], JSON.stringify(body)).toEqual([
        status,
        code,
        position,
      ]);
      expect(error?.message, JSON.stringify(body)).toMatch(says);
    }
  });

  test('a result that fails or passes a limit at its last row is an error with its reason, not a half', async () => {
    const pipeline = await start();
    const failing =
      "select case when range = 299999 then error('the last row') else range end as n from range(300000)";
    for (const format of ['json', 'ndjson', 'csv', 'parquet']) {
      for (const [sql, code, says] of [
        ['select * from range(1000001)', 'MR_QUERY_LIMIT', /more than 1000000 rows\. Add a LIMIT/],
        [
          "select repeat('x', 1000) || range as long from range(300000)",
          'MR_QUERY_LIMIT',
          /more than 268435456 bytes/,
        ],
        [failing, 'MR_QUERY_FAILED', /the last row/],
      ] as const) {
        if (format === 'parquet' && sql.includes('repeat')) continue;
        const response = await ask(pipeline, { sql, format });
        const { error } = await answerOf(response);
        expect([response.status, error?.code], `${format}: ${sql}`).toEqual([400, code]);
        expect(error?.message).toMatch(says);
      }
    }
    expect(scratchFiles(pipeline)).toEqual([]);
  });

  test('a large result is whole, and its file is gone when it is read or its reader is', async () => {
    const pipeline = await start();
    const sql = "select range as n, 'text ' || range as text from range(200000)";
    const lines = (await (await ask(pipeline, { sql, format: 'ndjson' })).text())
      .trim()
      .split('\n');
    expect([lines.length, lines.at(-1)]).toEqual([200_000, '{"n":"199999","text":"text 199999"}']);
    const { rows, rowCount } = (await (await ask(pipeline, { sql })).json()) as {
      rows: unknown[][];
      rowCount: number;
    };
    expect([rows.length, rowCount, rows[123_456]]).toEqual([
      200_000,
      200_000,
      ['123456', 'text 123456'],
    ]);
    const left = await ask(pipeline, { sql: 'select * from range(900000)' });
    expect(scratchFiles(pipeline)).toHaveLength(1);
    await left.body?.cancel();
    await eventually(() => (scratchFiles(pipeline).length === 0 ? true : undefined));
    expect(pipeline.errors()).toBe('');
  });

  test('names of columns are keys once: the same in NDJSON, CSV and Parquet', async () => {
    const pipeline = await start();
    const sql = 'select 1 as a, 2 as a, 3 as "A", 4 as b, 5 as a_1';
    const names = ['a', 'a_1', 'A_2', 'b', 'a_1_1'];
    const ndjson = await ask(pipeline, { sql, format: 'ndjson' });
    expect(await ndjson.text()).toBe('{"a":1,"a_1":2,"A_2":3,"b":4,"a_1_1":5}\n');
    const csv = await ask(pipeline, { sql, format: 'csv' });
    expect(await csv.text()).toBe(`${names.join()}\n1,2,3,4,5\n`);
    const parquet = await ask(pipeline, { sql, format: 'parquet' });
    const bytes = Buffer.from(await parquet.arrayBuffer()).toString('latin1');
    expect(names.filter((name) => !bytes.includes(name))).toEqual([]);
    const json = (await (await ask(pipeline, { sql })).json()) as { columns: { name: string }[] };
    expect(
      json.columns.map(({ name }) => name),
      'JSON has places',
    ).toEqual(['a', 'a', 'A', 'b', 'a_1']);
  });

  test('cancels a query when its caller goes away; the next one is answered at once', async () => {
    const pipeline = await start();
    const gone = new AbortController();
    const endless = fetch(`${pipeline.url}/v1/sql`, {
      method: 'POST',
      signal: gone.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        sql: 'select count(*) from range(1000000000) a(x), range(1000000) b(y) where x + y = 5',
      }),
    });
    setTimeout(() => gone.abort(), 500);
    await expect(endless).rejects.toThrow();
    const began = Date.now();
    expect(await pipeline.sql('select 1')).toEqual([[1]]);
    expect(Date.now() - began).toBeLessThan(5000);
    await eventually(() => (pipeline.errors().includes('request failed') ? undefined : true));
  });
});

describe('GET /v1/lookups/{lookup}/{key}', () => {
  const COUNT = 250;
  async function filled(): Promise<RunningPipeline> {
    const pipeline = await start();
    const rows = [
      ...Array.from({ length: COUNT }, (_, index) =>
        sale('many', `c${String(index % 50).padStart(2, '0')}`, index + 1),
      ),
      sale('a/b ü', 'x', 1),
      sale('one', 'x', 1),
      sale('one', 'y', 2),
    ];
    await pipeline.post(SALES, rows.join('\n'));
    await eventually(async () =>
      (await fetch(`${pipeline.url}/v1/lookups/last/one`)).status === 200 ? true : undefined,
    );
    return pipeline;
  }
  const get = async (pipeline: RunningPipeline, path: string) => {
    const response = await fetch(`${pipeline.url}/v1/lookups/${path}`);
    const body = (await response.json()) as {
      items: { code: string; qty: number }[];
      cursor?: string;
      error?: { code: string; message: string };
    };
    return { status: response.status, body, error: body.error };
  };

  test('gives the row of a full key, and pages of rows of the start of one', async () => {
    const pipeline = await filled();
    expect((await get(pipeline, 'last/one')).body).toEqual({ id: 'one', code: 'y', qty: 2 });
    expect((await get(pipeline, 'by_qty/one/2')).body).toEqual({ id: 'one', code: 'y', qty: 2 });
    expect((await get(pipeline, 'lines/one/x')).body).toEqual({
      items: [{ id: 'one', code: 'x', qty: 1 }],
    });
    expect((await get(pipeline, 'lines/one')).body).toEqual({
      items: [
        { id: 'one', code: 'x', qty: 1 },
        { id: 'one', code: 'y', qty: 2 },
      ],
    });
    expect((await get(pipeline, `last/${encodeURIComponent('a/b ü')}`)).body).toEqual({
      id: 'a/b ü',
      code: 'x',
      qty: 1,
    });
    expect((await get(pipeline, 'lines/many')).body.items, 'a page without limit').toHaveLength(
      100,
    );
  });

  test('pages cover everything once, in order, whatever their size', async () => {
    const pipeline = await filled();
    for (const limit of [1000, 100, 33, 7]) {
      const seen: number[] = [];
      let cursor: string | undefined;
      let pages = 0;
      do {
        const { status, body } = await get(
          pipeline,
          `by_qty/many?limit=${limit}${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
        );
        expect(status).toBe(200);
        seen.push(...body.items.map(({ qty }) => qty));
        cursor = body.cursor;
        pages += 1;
      } while (cursor !== undefined);
      expect(seen).toEqual(Array.from({ length: COUNT }, (_, index) => index + 1));
      expect(pages).toBe(Math.ceil(COUNT / limit));
    }
  });

  test('ranges and prefixes of the next sort part take both ends', async () => {
    const pipeline = await filled();
    const quantities = async (query: string) =>
      (await get(pipeline, `by_qty/many?limit=1000&${query}`)).body.items.map(({ qty }) => qty);
    expect(await quantities('from=3&to=5')).toEqual([3, 4, 5]);
    expect(await quantities('from=249')).toEqual([249, 250]);
    expect(await quantities('to=2')).toEqual([1, 2]);
    const codes = async (query: string) => [
      ...new Set(
        (await get(pipeline, `lines/many?limit=1000&${query}`)).body.items.map(({ code }) => code),
      ),
    ];
    expect(await codes('prefix=c4')).toEqual([
      'c40',
      'c41',
      'c42',
      'c43',
      'c44',
      'c45',
      'c46',
      'c47',
      'c48',
      'c49',
    ]);
    expect(await codes('from=c48')).toEqual(['c48', 'c49']);
    expect(await codes('from=c01&to=c02')).toEqual(['c01', 'c02']);
    const first = await get(pipeline, 'by_qty/many?from=10&to=14&limit=3');
    const rest = await get(
      pipeline,
      `by_qty/many?from=10&to=14&limit=3&cursor=${first.body.cursor ?? ''}`,
    );
    expect([...first.body.items, ...rest.body.items].map(({ qty }) => qty)).toEqual([
      10, 11, 12, 13, 14,
    ]);
  });

  test('explains what is not there and what cannot be', async () => {
    const pipeline = await filled();
    const cases: [string, number, string, RegExp][] = [
      ['lines/nobody', 404, 'MR_LOOKUP_NO_ENTRY', /'lines' has no entry for "nobody"/],
      ['by_qty/one/77', 404, 'MR_LOOKUP_NO_ENTRY', /no entry for "one", "77"/],
      ['line/one', 404, 'MR_PLAN_UNKNOWN', /no lookup 'line'\. Lookups are: by_qty, last, lines/],
      ['by_qty/one/many', 400, 'MR_LOOKUP_KEY', /'qty' is int; "many" is not/],
      ['by_qty/many?from=3&to=1', 400, 'MR_LOOKUP_KEY', /`from` \("3"\) comes after `to` \("1"\)/],
      ['by_qty/many?from=x', 400, 'MR_LOOKUP_KEY', /'qty' is int/],
      ['by_qty/many?prefix=1', 400, 'MR_LOOKUP_KEY', /`prefix` needs a sort part that is a string/],
      ['last/one/x', 400, 'MR_LOOKUP_KEY', /has 0 sort parts; the address names 1/],
      ['lines/one/x/first', 400, 'MR_LOOKUP_KEY', /is a sequence number/],
      ['lines/one?limit=0', 400, 'MR_REQUEST_INVALID', /1 to 1000/],
      ['lines/one?limit=1001', 400, 'MR_REQUEST_INVALID', /1 to 1000/],
      ['lines/one?limit=ten', 400, 'MR_REQUEST_INVALID', /whole number/],
      [
        'lines/one?offset=1',
        400,
        'MR_REQUEST_INVALID',
        /no parameter 'offset'\. Parameters are: limit, cursor, from, to, prefix/,
      ],
      ['lines/one?limit=1&limit=2', 400, 'MR_REQUEST_INVALID', /'limit' is there twice/],
      [
        'lines/one?cursor=nonsense',
        400,
        'MR_LOOKUP_KEY',
        /`cursor` is not one that this lookup gave/,
      ],
    ];
    for (const [path, status, code, says] of cases) {
      const answer = await get(pipeline, path);
      expect([answer.status, answer.error?.code], path).toEqual([status, code]);
      expect(answer.error?.message, path).toMatch(says);
    }
  });
});

test('every refusal has code and message, whatever the route', async () => {
  const pipeline = await start();
  const requests: [string, string, number][] = [
    ['GET', '/nothing', 404],
    ['POST', '/', 400],
    ['GET', '/v1/lookups/lines', 404],
    ['GET', '/v1/lookups/lines/%E0%A4%A', 400],
    ['GET', '/%zz', 400],
    ['GET', '/v1/sql', 405],
    ['PUT', '/v1/streams/sales/records', 405],
    ['POST', '/v1/models/nothing/runs', 404],
    ['POST', '/v1/sql', 400],
    ['POST', '/v1/keys', 400],
    ['POST', '/v1/claim', 400],
    ['DELETE', '/v1/keys/nothing', 404],
    ['POST', '/v1/lookups/last/replay', 400],
    ['POST', '/v1/streams/nothing/records', 404],
  ];
  for (const [method, path, status] of requests) {
    const answer = await raw(
      pipeline,
      path,
      method === 'POST'
        ? { method, headers: { 'content-type': 'application/json' }, body: '{"x":1}' }
        : { method },
    );
    expect(JSON.parse(answer.text), `${method} ${path}`).toEqual({
      error: {
        code: expect.stringMatching(/^MR_[A-Z_]+$/),
        message: expect.stringMatching(/.{10}/),
      },
    });
    expect(answer.status, `${method} ${path}`).toBe(status);
  }
});

test('a method that an address does not take is answered with those it takes', async () => {
  const pipeline = await start();
  for (const [method, path, allow] of [
    ['GET', '/v1/sql', 'POST'],
    ['PATCH', '/v1/sql?x=1', 'POST'],
    ['OPTIONS', '/v1/streams/nothing/records', 'GET, POST'],
    ['POST', '/v1/lookups/lines/a/b', 'GET, HEAD'],
    ['DELETE', '/v1/keys', 'GET, HEAD, POST'],
    ['GET', '/v1/keys/abc', 'DELETE'],
  ] as const) {
    const response = await fetch(`${pipeline.url}${path}`, {
      method,
      ...(method === 'PATCH' ? { body: 'x', headers: { 'content-type': 'text/csv' } } : {}),
    });
    expect([response.status, response.headers.get('allow')], `${method} ${path}`).toEqual([
      405,
      allow,
    ]);
    expect((await answerOf(response)).error?.code).toBe('MR_REQUEST_METHOD');
  }
});

test('bodies: JSON only, and none at all where none is needed', async () => {
  const pipeline = await start();
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'text/csv']) {
    const response = await pipeline.post('/v1/sql', 'select 1', { 'content-type': type });
    const { error } = await answerOf(response);
    expect([response.status, error?.code], type).toEqual([415, 'MR_REQUEST_MEDIA_TYPE']);
    expect(error?.message).toContain(`Content-Type '${type}' is not supported here. Send app`);
  }
  const run = (headers: Record<string, string>, body?: string) =>
    fetch(`${pipeline.url}/v1/models/per_code/runs`, {
      method: 'POST',
      headers,
      ...(body === undefined ? {} : { body }),
    });
  const json = { 'content-type': 'application/json' };
  for (const response of [
    await run(json),
    await run(json, ''),
    await run({}),
    await run(json, '{}'),
  ])
    expect([response.status, await response.json()]).toMatchObject([200, { state: 'succeeded' }]);
  for (const body of ['', '{', 'null', '{"__proto__":{}}']) {
    const response = await pipeline.post('/v1/sql', body);
    expect([response.status, (await answerOf(response)).error?.code], body).toEqual([
      400,
      'MR_REQUEST_INVALID',
    ]);
  }
});

test('what is no HTTP request is refused in the same form', async () => {
  const pipeline = await start();
  const { hostname, port } = new URL(pipeline.url);
  for (const [text, status] of [
    ['FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nno header\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const socket = connect(Number(port), hostname);
    socket.write(text);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(answer.split('\r\n\r\n')[1] as string)).toEqual({
      error: { code: 'MR_REQUEST_INVALID', message: expect.stringMatching(/no HTTP request/) },
    });
  }
});

test('/healthz, /readyz and /metrics answer probes and Prometheus', async () => {
  const pipeline = await start();
  await pipeline.post(SALES, [sale('a'), sale('b')].join('\n'));
  expect(await (await fetch(`${pipeline.url}/healthz`)).json()).toEqual({ status: 'ok' });
  expect(await (await fetch(`${pipeline.url}/readyz`)).json()).toEqual({ status: 'ready' });
  const response = await fetch(`${pipeline.url}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await response.text()).split('\n');
  expect(lines.pop(), 'it ends with a newline').toBe('');
  const types = new Map<string, string>();
  const samples = new Set<string>();
  for (const line of lines) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment) {
      if (comment[1] === 'TYPE') types.set(comment[2] as string, comment[3] as string);
      continue;
    }
    const sample =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|[+-]Inf)$/.exec(
        line,
      );
    expect(sample, line).not.toBeNull();
    expect(types.get(sample?.[1] as string), `${line} has a type before it`).toMatch(
      /^(gauge|counter|histogram|summary)$/,
    );
    expect(samples.has(`${sample?.[1]}${sample?.[2]}`), `${line} is there once`).toBe(false);
    samples.add(`${sample?.[1]}${sample?.[2]}`);
  }
  expect(
    [...types].filter(([name, type]) => type === 'counter' && !name.endsWith('_total')),
  ).toEqual([]);
  expect(lines).toContain('millrace_stream_records{stream="sales"} 2');
});

test('a body of more than a mebibyte with its length told is stored, however its chunks fall', async () => {
  const source =
    "import { field as f, stream } from 'millrace';\nexport const big = stream('big', { fields: { id: f.string(), n: f.int() } });\n";
  const pipeline = await startPipeline(temporaryFolder(), source);
  let sent = 0;
  for (const count of [30_000, 33_000, 41_000, 52_001, 90_000]) {
    const response = await pipeline.post(
      '/v1/streams/big/records',
      '{"id":"abcdefgh","n":1}\n'.repeat(count),
    );
    expect(await response.json(), `${count} records`).toMatchObject({
      accepted: count,
      rejected: [],
    });
    sent += count;
  }
  expect(await pipeline.sql('select count(*) from big')).toEqual([[String(sent)]]);
});

test('a record over the limit is refused on every way, and the connection goes on', async () => {
  const source =
    "import { field as f, stream } from 'millrace';\nexport const big = stream('big', { fields: { id: f.string() } });\n";
  const pipeline = await startPipeline(temporaryFolder(), source);
  const large = JSON.stringify({ id: 'x'.repeat(1_100_000) });
  for (const body of [large, `[${large},{"id":"a"}]`]) {
    const answer = await (await pipeline.post('/v1/streams/big/records', body)).json();
    expect(answer).toMatchObject({ rejected: [{ index: 0, code: 'MR_RECORD_TOO_LARGE' }] });
  }
  const huge = await pipeline
    .post('/v1/streams/big/records', JSON.stringify({ id: 'x'.repeat(5_000_000) }))
    .catch(() => undefined);
  expect(huge === undefined || huge.status === 413).toBe(true);
  const after = await pipeline.post('/v1/streams/big/records', '{"id":"b"}');
  expect(after.status).toBe(200);
});
