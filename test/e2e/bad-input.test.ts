import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { treeLargestMb } from '../../bench/support/proc.mjs';
import { temporaryFolder } from '../support/folder.ts';
import { type RunningPipeline, startPipeline } from '../support/pipeline.ts';

/**
 * What senders get wrong, row by row: the answer names record, field and rule, or what was sent is read back
 * exactly. Whole corpora of broken JSON are in messy.test.ts.
 */

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const exact = stream('exact', {
  fields: {
    id: f.long(), amount: f.decimal(10, 2).optional(), ratio: f.double().optional(), text: f.string().optional(),
    counts: f.map(f.string(), f.int()).optional(), place: f.struct({ city: f.string() }).optional(),
    list: f.list(f.string()).optional(),
  },
});
export const kept = stream('kept', { unknown: 'keep', fields: { id: f.long() } });
`;

interface Sent {
  readonly body: string | Buffer;
  readonly headers?: Record<string, string>;
  readonly stream?: 'exact' | 'kept';
}

interface Answer {
  readonly status: number;
  readonly accepted?: number;
  readonly rejected?: readonly object[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function send(pipe: RunningPipeline, { body, headers, stream = 'exact' }: Sent) {
  const response = await pipe.post(`/v1/streams/${stream}/records`, body, headers);
  return { status: response.status, ...((await response.json()) as object) } as Answer;
}

const bytes = (...parts: readonly (string | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

/** One record that is refused: code, field, and what the message says of the rule. */
const REFUSED: readonly (readonly [
  name: string,
  body: string | Buffer,
  code: string,
  field: string | undefined,
  rule: RegExp,
])[] = [
  ['a member twice', '{"id":1,"text":"a","text":"b"}', 'MR_RECORD_DUPLICATE_KEY', 'text', /twice/],
  [
    'a member twice, once escaped',
    '{"id":1,"te\\u0078t":"a","text":"b"}',
    'MR_RECORD_DUPLICATE_KEY',
    'text',
    /twice/,
  ],
  [
    'a member of a struct twice',
    '{"id":1,"place":{"city":"a","city":"b"}}',
    'MR_RECORD_DUPLICATE_KEY',
    'place.city',
    /twice/,
  ],
  [
    'a whole number past 64 bits',
    '{"id":9223372036854775808}',
    'MR_FIELD_TYPE',
    'id',
    /64 bits.*9223372036854775808/,
  ],
  ['a whole number with an exponent', '{"id":1e3}', 'MR_FIELD_TYPE', 'id', /1e3/],
  ['a whole number with a fraction', '{"id":1.5}', 'MR_FIELD_TYPE', 'id', /1\.5/],
  [
    'a decimal with too many places',
    '{"id":1,"amount":1.234}',
    'MR_FIELD_TYPE',
    'amount',
    /at most 2 digits behind the point.*1\.234/,
  ],
  [
    'a decimal text with too many places',
    '{"id":1,"amount":"1.234"}',
    'MR_FIELD_TYPE',
    'amount',
    /at most 2 digits behind/,
  ],
  [
    'a decimal with too many digits',
    '{"id":1,"amount":"123456789.00"}',
    'MR_FIELD_TYPE',
    'amount',
    /at most 8 digits before/,
  ],
  [
    'a number no double can hold',
    '{"id":1,"ratio":1e400}',
    'MR_FIELD_TYPE',
    'ratio',
    /up to 1\.79.*1e400/,
  ],
  ['an escaped NUL', '{"id":1,"text":"a\\u0000b"}', 'MR_RECORD_ENCODING', 'text', /NUL/],
  [
    'an escaped NUL in a list',
    '{"id":1,"list":["a","\\u0000"]}',
    'MR_RECORD_ENCODING',
    'list[1]',
    /NUL/,
  ],
  [
    'a raw NUL in a text',
    bytes('{"id":1,"text":"a', [0], 'b"}'),
    'MR_RECORD_SYNTAX',
    undefined,
    /control character.*position 17/,
  ],
  [
    'the first half of a surrogate pair',
    '{"id":1,"text":"\\ud800"}',
    'MR_RECORD_ENCODING',
    'text',
    /half a surrogate pair/,
  ],
  [
    'the second half in a struct',
    '{"id":1,"place":{"city":"\\udc00x"}}',
    'MR_RECORD_ENCODING',
    'place.city',
    /half a surrogate pair/,
  ],
  ['65 levels', `{"id":1,"text":${nested(64)}}`, 'MR_RECORD_TOO_DEEP', 'text', /64 levels/],
  [
    '100,000 levels',
    `{"id":1,"text":${nested(100_000)}}`,
    'MR_RECORD_TOO_DEEP',
    'text',
    /64 levels/,
  ],
  [
    '__proto__ as an unknown member',
    '{"id":1,"__proto__":{"admin":true}}',
    'MR_FIELD_UNKNOWN',
    '__proto__',
    /no field '__proto__'/,
  ],
  [
    '__proto__ in a struct',
    '{"id":1,"place":{"city":"a","__proto__":{}}}',
    'MR_FIELD_UNKNOWN',
    'place.__proto__',
    /no field/,
  ],
  [
    'constructor as an unknown member',
    '{"id":1,"constructor":{}}',
    'MR_FIELD_UNKNOWN',
    'constructor',
    /no field/,
  ],
  [
    'UTF-16',
    Buffer.from('\ufeff{"id":1}', 'utf16le'),
    'MR_RECORD_ENCODING',
    undefined,
    /from byte 0 on \(0xff\)/,
  ],
  [
    'a byte that is no UTF-8',
    bytes('{"id":1,"text":"', [0xe9], 'tude"}'),
    'MR_RECORD_ENCODING',
    undefined,
    /from byte 16 on \(0xe9\)/,
  ],
  [
    'an overlong sequence',
    bytes('{"id":1,"text":"', [0xc0, 0xaf], '"}'),
    'MR_RECORD_ENCODING',
    undefined,
    /from byte 16 on \(0xc0\)/,
  ],
  [
    'a surrogate in UTF-8',
    bytes('{"id":1,"text":"ab', [0xed, 0xa0, 0x80], '"}'),
    'MR_RECORD_ENCODING',
    undefined,
    /from byte 18 on/,
  ],
];

test('a bad record among good ones is refused with its index, code, field and the rule; the others are stored', async () => {
  const pipe = await startPipeline(temporaryFolder(), PIPELINE);
  for (const [name, body, code, field, rule] of REFUSED) {
    const alone = await send(pipe, { body });
    const refusal = { code, ...(field === undefined ? {} : { field }) };
    const message = expect.stringMatching(rule);
    expect.soft(alone, name).toMatchObject({ status: 422, accepted: 0 });
    expect.soft(alone.rejected, name).toEqual([{ index: 0, ...refusal, message }]);
    const among = await send(pipe, {
      body: bytes('{"id":7}\n', [...Buffer.from(body as string)], '\n{"id":8}'),
      headers: { 'content-type': 'application/x-ndjson' },
    });
    expect.soft(among, name).toMatchObject({
      status: 200,
      accepted: 2,
      rejected: [{ index: 1, ...refusal, message }],
    });
  }
  const [count] = await pipe.sql('select count(*)::int, count(distinct id)::int from lake.exact');
  expect(count).toEqual([REFUSED.length * 2, 2]);
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
  expect(pipe.process.exitCode).toBeNull();
});

const LONGS = [
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
];

test('what is taken is read back exactly: large numbers, decimals, escapes, odd names, 64 levels', async () => {
  const pipe = await startPipeline(temporaryFolder(), PIPELINE);
  const exact = [
    ...LONGS.map((id) => `{"id":${id}}`),
    ...LONGS.map((id) => `{"id":"${id}"}`),
    '{"id":1,"amount":12345678.12}',
    '{"id":2,"amount":"-99999999.99"}',
    '{"id":3,"amount":"1.230"}',
    '{"id":4,"text":"\\ud83d\\ude00 \\"\\\\ \\n \\u007f \\ufeff"}',
    '{"id":5,"counts":{"__proto__":1,"constructor":2,"":3}}',
  ];
  for (const body of exact)
    expect.soft(await send(pipe, { body }), body).toMatchObject({ status: 200, accepted: 1 });
  expect(await pipe.sql('select id from records.exact order by _sequence_number limit 8')).toEqual(
    [...LONGS, ...LONGS].map((id) => [id]),
  );
  expect(
    await pipe.sql('select id, amount from lake.exact where amount is not null order by id'),
  ).toEqual([
    ['1', '12345678.12'],
    ['2', '-99999999.99'],
    ['3', '1.23'],
  ]);
  expect(await pipe.sql('select text from lake.exact where id = 4')).toEqual([
    ['\u{1f600} "\\ \n \u007f \ufeff'],
  ]);
  expect(
    await pipe.sql(
      "select counts['__proto__'], counts['constructor'], counts[''] from lake.exact where id = 5",
    ),
  ).toEqual([[1, 2, 3]]);

  const rest = [
    `{"id":1,"x":${nested(63)}}`,
    '{"id":2,"__proto__":{"admin":true},"constructor":1,"toString":null}',
    '{"id":3,"n":123456789012345678901234567890.10,"e":1e400,"z":-0.0}',
  ];
  for (const body of rest)
    expect.soft(await send(pipe, { body, stream: 'kept' })).toMatchObject({ accepted: 1 });
  const texts = (await pipe.sql('select _rest::varchar from lake.kept order by id')).flat();
  expect(texts).toEqual(rest.map((body) => body.replace(/"id":\d,/, '')));
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
});

test('content types and encodings that are not taken are answered with those that are', async () => {
  const pipe = await startPipeline(temporaryFolder(), PIPELINE);
  const body = '{"id":1}';
  for (const type of [
    'text/plain',
    'application/xml',
    'image/png',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
  ])
    expect.soft(await send(pipe, { body, headers: { 'content-type': type } }), type).toMatchObject({
      status: 415,
      error: {
        code: 'MR_REQUEST_MEDIA_TYPE',
        message: expect.stringMatching(/Send application\/json/),
      },
    });
  for (const encoding of ['br', 'deflate', 'gzip, gzip'])
    expect
      .soft(await send(pipe, { body, headers: { 'content-encoding': encoding } }), encoding)
      .toMatchObject({
        status: 415,
        error: { message: expect.stringMatching(/plain, or with gzip or zstd/) },
      });
  for (const type of ['APPLICATION/JSON', 'application/json ; charset=utf-8', 'application/jsonl'])
    expect
      .soft(await send(pipe, { body, headers: { 'content-type': type } }), type)
      .toMatchObject({ status: 200, accepted: 1 });
  expect(await pipe.sql('select count(*)::int from lake.exact')).toEqual([[3]]);
});

test('of a compressed body that breaks off nothing is stored, with a key and without', async () => {
  const pipe = await startPipeline(temporaryFolder(), PIPELINE);
  const count = async () => (await pipe.sql('select count(*)::int from lake.exact'))[0]?.[0];
  const whole = gzipSync(
    Array.from({ length: 60_000 }, (_, id) => `{"id":${id},"text":"${(id * 7919) % 65_521}"}`).join(
      '\n',
    ),
  );
  const gzip = { 'content-encoding': 'gzip' };
  const cut = whole.subarray(0, whole.length - 20);
  const invalid = { status: 400, error: { code: 'MR_REQUEST_INVALID' } };
  const keyed = await send(pipe, { body: cut, headers: { ...gzip, 'idempotency-key': 'k' } });
  expect(keyed).toMatchObject(invalid);
  expect(await count()).toBe(0);
  expect(await send(pipe, { body: cut, headers: gzip })).toMatchObject(invalid);
  expect(await count()).toBe(0);
  for (const body of [
    Buffer.from('no gzip'),
    Buffer.concat([gzipSync('{"id":1}'), Buffer.from('junk')]),
  ])
    expect(await send(pipe, { body, headers: gzip })).toMatchObject({
      ...invalid,
      error: { message: expect.stringMatching(/not whole gzip/) },
    });
});

const PROCESS_MB_MAX = 500;

test('a gzip bomb is refused while it inflates, and memory does not follow it', async () => {
  const pipe = await startPipeline(temporaryFolder(), PIPELINE);
  const headers = { 'content-encoding': 'gzip' };
  const text = gzipSync(`{"id":1,"text":"${'x'.repeat(300_000_000)}`);
  expect(text.length).toBeLessThan(400_000);
  const tooLarge = { status: 413, error: { code: 'MR_REQUEST_TOO_LARGE' } };
  const before = process.hrtime.bigint();
  for (let turn = 0; turn < 3; turn++) {
    expect(await send(pipe, { body: text, headers })).toMatchObject(tooLarge);
    expect(
      await send(pipe, { body: text, headers: { ...headers, 'idempotency-key': `${turn}` } }),
    ).toMatchObject(tooLarge);
  }
  expect(Number(process.hrtime.bigint() - before) / 1e6, 'milliseconds').toBeLessThan(10_000);
  expect(treeLargestMb(pipe.process.pid as number)).toBeLessThan(PROCESS_MB_MAX);
  expect(await send(pipe, { body: '{"id":1}' })).toMatchObject({ accepted: 1 });
});
