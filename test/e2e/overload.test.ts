import { connect, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { treeLargestMb } from '../../bench/support/proc.mjs';
import type { App } from '../../src/app/app.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { askSql, startApp } from '../support/app.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startPipeline } from '../support/pipeline.ts';
import { zstdBomb } from '../support/zstd.ts';

/** More than the server can take, and clients that mean no good: who else sends is served. */

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { n: f.int() } });
`;
const PATH = '/v1/streams/sales/records';
const PROCESS_MB_MAX = 500;

function open(address: string): Socket {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => socket.destroy());
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

/** A body that is sent up to its last byte. */
async function beginBody(app: App, bytes: number, headers: string): Promise<Socket> {
  const socket = open(app.address);
  const head = `POST ${PATH} HTTP/1.1\r\nhost: localhost\r\n${headers}content-length: ${bytes}\r\n\r\n`;
  socket.write(head);
  await new Promise((sent) => socket.write(Buffer.alloc(bytes - 1, ' '), sent));
  return socket;
}

const send = (app: App) =>
  fetch(`${app.address}${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ n: 1 }),
  });

describe('bodies that do not end', () => {
  test('past what may wait in memory others are refused with Retry-After, until there is room', async () => {
    const app = await startApp(temporaryFolder(), PIPELINE);
    const bytes = LIMITS.keyedRequestBytesMax;
    const count = LIMITS.receivedBytesMax / bytes + 1;
    const sockets = await Promise.all(
      Array.from({ length: count }, (_, key) =>
        beginBody(app, bytes, `idempotency-key: ${key}\r\n`),
      ),
    );
    const refused = await eventually(async () => {
      const response = await send(app);
      return response.ok ? undefined : response;
    });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({ error: { code: 'MR_OVERLOADED' } });
    expect(refused.headers.get('connection'), 'the client goes on with it').not.toBe('close');
    for (const socket of sockets) socket.destroy();
    await eventually(async () => ((await send(app)).ok ? true : undefined));
  });

  test('and break off are no defect: nothing is logged', async () => {
    const errors: unknown[] = [];
    const log = (details: object) => errors.push(details);
    const logger = { ...silentLogger, warn: log, error: log };
    const app = await startApp(temporaryFolder(), PIPELINE, { logger });
    const socket = await beginBody(app, 100, '');
    socket.destroy();
    const other = await beginBody(app, 100_000, 'idempotency-key: k\r\n');
    other.destroy();
    expect((await send(app)).ok).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(errors).toEqual([]);
  });
});

describe('a body that a few bytes become', () => {
  test('holds up nobody, and memory does not follow it', async () => {
    const pipe = await startPipeline(temporaryFolder(), PIPELINE);
    const gigabyte = zstdBomb(10, 8192);
    expect(gigabyte.length).toBeLessThan(40_000);
    let answered = 0;
    for (let bomb = 0; bomb < 8; bomb++) {
      const socket = open(pipe.url);
      socket.on('data', () => answered++);
      socket.write(
        `POST ${PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-encoding: zstd\r\ncontent-length: ${gigabyte.length}\r\n\r\n`,
      );
      socket.write(gigabyte);
    }
    for (let n = 0; n < 20; n++) {
      const response = await pipe.post(PATH, `{"n":${n}}`);
      expect(response.status).toBe(200);
      await response.json();
    }
    expect(answered, 'bombs that are done with').toBe(0);
    expect(treeLargestMb(pipe.process.pid as number)).toBeLessThan(PROCESS_MB_MAX);
  });

  test('and asks for a window of its own size is refused', async () => {
    const app = await startApp(temporaryFolder(), PIPELINE);
    const response = await fetch(`${app.address}${PATH}`, {
      method: 'POST',
      headers: { 'content-encoding': 'zstd' },
      body: zstdBomb(10, 1, 20 << 3) as never,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'MR_REQUEST_INVALID', message: expect.stringMatching(/window has \d+ bytes/) },
    });
    expect(await askSql(app, 'select count(*)::int from lake.sales')).toEqual([[0]]);
  });
});
