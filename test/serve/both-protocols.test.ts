import { connect as connectHttp2, constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { askSql, startApp } from '../support/app.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/folder.ts';

const PIPELINE = `import { stream, field as f } from 'millrace';
export const sales = stream('sales', { fields: { n: f.int() } });
`;
const { HTTP2_HEADER_METHOD: METHOD, HTTP2_HEADER_PATH: PATH } = constants;

interface Answer {
  readonly status: number;
  readonly body: string;
}

function http2Client(address: string) {
  const session = connectHttp2(address);
  onTestFinished(() => session.destroy());
  const ask = (path: string, body?: string, headers: { [name: string]: string } = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const method = body === undefined ? 'GET' : 'POST';
      const stream = session.request({ [METHOD]: method, [PATH]: path, ...headers });
      let status = 0;
      let text = '';
      stream.setEncoding('utf8');
      stream.on('response', (answered) => {
        status = Number(answered[':status']);
      });
      stream.on('data', (chunk: string) => {
        text += chunk;
      });
      stream.on('end', () => resolve({ status, body: text }));
      stream.on('error', reject);
      stream.end(body);
    });
  return { session, ask };
}

/** A connection that sends what it is given, and keeps what comes. */
function rawClient(address: string): { socket: Socket; received: () => string } {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => {
    socket.destroy();
  });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  return { socket, received: () => received };
}

test('one port speaks HTTP/1.1 and HTTP/2 without TLS', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const { ask } = http2Client(app.address);
  const put = ask('/v1/streams/sales/records', '{"n":1}');
  const plain = await fetch(`${app.address}/v1/streams/sales/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"n":2}',
  });
  expect([(await put).status, plain.status]).toEqual([200, 200]);
  expect((await ask('/healthz')).status).toBe(200);
  expect((await ask('/nothing')).status).toBe(404);
  const rows = await askSql(app, 'select n from sales order by n');
  expect(rows).toEqual([[1], [2]]);
});

test('hosts are judged as ever, and a refused body keeps the session usable', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const { ask } = http2Client(app.address);
  const foreign = await ask('/healthz', undefined, { ':authority': 'evil.example.com' });
  expect(foreign.status).toBe(403);
  const large = await ask('/v1/sql', 'x'.repeat(3_000_000), { 'content-type': 'application/json' });
  expect(large.status).toBe(413);
  expect((await ask('/healthz')).status).toBe(200);
});

test('requests that come in pieces are the same requests', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  for (const text of [
    'POST / HTTP/1.1\r\n',
    'PRI',
    'PATCH /healthz HTTP/1.1\r\n',
    'GET /healthz HTTP/1.1\r\n',
  ]) {
    const { socket, received } = rawClient(app.address);
    for (const byte of text) {
      socket.write(byte);
      await sleep(2);
    }
    const rest = text === 'PRI' ? ' /x HTTP/1.1\r\n' : '';
    socket.write(`${rest}Host: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    const status = await eventually(() => /^HTTP\/1\.1 (\d\d\d) /.exec(received())?.[1]);
    expect(status).toMatch(/^[245]/);
  }
});

test('connections that say nothing, and sessions that are open, hold up no end', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const silent = rawClient(app.address);
  const { session, ask } = http2Client(app.address);
  await ask('/healthz');
  const ended = Promise.all(
    [silent.socket, session].map((one) => new Promise((resolve) => one.once('close', resolve))),
  );
  const before = performance.now();
  await app.stop({ deliver: false });
  await ended;
  expect(performance.now() - before).toBeLessThan(10_000);
});

test('a program of AWS that calls by a strange name reads why it is refused', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const { ask } = http2Client(app.address);
  const headers = {
    ':authority': 'evil.example.com',
    'x-amz-target': 'Kinesis_20131202.ListStreams',
  };
  const { status, body } = await ask('/', '{}', headers);
  expect([status, JSON.parse(body)]).toEqual([
    403,
    { __type: 'AccessDeniedException', message: expect.stringContaining('--allow-host') },
  ]);
});
