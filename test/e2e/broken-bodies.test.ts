import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { App } from '../../src/app/app.ts';
import { askSql, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { zstdFrame } from '../support/zstd.ts';

/** Bodies that end in an error: what is stored of them, and what their answer says of it. */

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { k: f.string(), n: f.int() }, key: 'k', shards: 2 });
`;

interface Answer {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly accepted?: number;
    readonly shards?: readonly { shard: number; count: number }[];
  };
}

async function send(app: App, body: Buffer | string, headers: Record<string, string> = {}) {
  const response = await fetch(`${app.address}/v1/streams/sales/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', ...headers },
    body: body as string,
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

const lines = (count: number, text = 't') =>
  Array.from({ length: count }, (_, n) => JSON.stringify({ k: `${text}${n % 97}`, n })).join('\n');

/** A gzip body with 50 bytes zeroed in its middle: it inflates to something else, up to its checksum. */
function corrupted(whole: Buffer): Buffer {
  const bytes = Buffer.from(whole);
  bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 50);
  return bytes;
}

const stored = (app: App) => askSql(app, 'select count(*)::int from lake.sales');

test('of a gzip or zstd body that is cut off or corrupt nothing is stored', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const zipped = gzipSync(lines(100_000), { level: 1 });
  const zstd = zstdFrame(Buffer.from(lines(10_000)));
  const bodies: [string, Buffer][] = [
    ['gzip', zipped.subarray(0, -100)],
    ['gzip', zipped.subarray(0, -1)],
    ['gzip', corrupted(zipped)],
    ['zstd', zstd.subarray(0, -5)],
  ];
  for (const [encoding, body] of bodies) {
    const { status, answer } = await send(app, body, { 'content-encoding': encoding });
    expect([status, answer.error.code]).toEqual([400, 'MR_REQUEST_INVALID']);
    expect(answer.error).not.toHaveProperty('accepted');
    expect(await stored(app)).toEqual([[0]]);
  }
  expect((await send(app, zipped, { 'content-encoding': 'gzip' })).status).toBe(200);
  expect(await stored(app)).toEqual([[100_000]]);
});

test('an error in the middle of a body says how many records are stored, and where', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const large = gzipSync(lines(600_000, 'a text that is quite a bit longer '), { level: 1 });
  const tooLong = `${lines(50_000)}\n{"k":"${'x'.repeat(2 * 1024 * 1024)}","n":1}\n`;
  const bodies: [string, Buffer | string, number][] = [
    ['gzip', large.subarray(0, -100), 400],
    ['identity', tooLong, 413],
  ];
  let before = 0;
  for (const [encoding, body, expected] of bodies) {
    const { status, answer } = await send(app, body, { 'content-encoding': encoding });
    expect(status).toBe(expected);
    const { accepted = 0, shards = [], message } = answer.error;
    expect(accepted).toBeGreaterThan(1000);
    expect(message).toContain(`${accepted} records of the request were stored`);
    expect(shards.reduce((sum, { count }) => sum + count, 0)).toBe(accepted);
    expect(await stored(app)).toEqual([[before + accepted]]);
    before += accepted;
  }
});

test('another charset than UTF-8 is refused by its name', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const typed = (type: string) => send(app, '{"k":"a","n":1}', { 'content-type': type });
  const { status, answer } = await typed('application/json; charset=utf-16');
  expect([status, answer.error.code]).toEqual([415, 'MR_REQUEST_MEDIA_TYPE']);
  expect(answer.error.message).toContain("not as 'utf-16'");
  for (const charset of ['UTF-8', 'utf8', '"utf-8"', 'us-ascii'])
    expect((await typed(`application/json;charset=${charset}`)).status).toBe(200);
});
