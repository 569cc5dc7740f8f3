import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { s3Settings } from '../../src/s3/settings.ts';
import { S3RawZone } from '../../src/stream/aws/s3-raw-zone.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/folder.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
const files = nodeFileSystem();
const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');

interface Asked {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

type Answer = (asked: Asked, response: ServerResponse) => void;

/** A zone on a server that answers the n-th request with the n-th answer, and then with the last. */
async function zoneWith(...answers: Answer[]) {
  const asked: Asked[] = [];
  const waitsMs: number[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const one = { request, body: Buffer.concat(pieces) };
    asked.push(one);
    answers[Math.min(asked.length, answers.length) - 1]?.(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = {
    now: () => 0,
    after: (delayMs: number, action: () => void) => {
      waitsMs.push(delayMs);
      setImmediate(action);
      return () => {};
    },
  };
  const settings = s3Settings(
    { ...KEYS, AWS_SESSION_TOKEN: 'token', AWS_ENDPOINT_URL },
    's3://bucket/prefix',
    'raw.to',
  );
  const folder = temporaryFolder();
  await files.replaceFile(`${folder}/in`, 'raw bytes');
  return { zone: new S3RawZone({ files, clock, settings }), asked, waitsMs, folder };
}

const status =
  (code: number, body = ''): Answer =>
  (_, response) =>
    response.writeHead(code).end(body);
const sized: Answer = (_, response) => response.writeHead(200, { 'content-length': 9 }).end();
const cutOff: Answer = (_, response) => {
  response.writeHead(200, { 'content-length': 100 }).write('part');
  setTimeout(() => response.destroy(), 20);
};

/** The signature of version 4 as AWS describes it, of what the server got. */
function signatureOf({ request }: Asked): string {
  const { headers } = request;
  const signed = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1] ?? '';
  const stamp = String(headers['x-amz-date']);
  const scope = `${stamp.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const lines = signed.split(';').map((name) => `${name}:${headers[name]}\n`);
  const canonical = [
    request.method,
    request.url,
    '',
    lines.join(''),
    signed,
    headers['x-amz-content-sha256'],
  ].join('\n');
  const hmac = (key: string | Buffer, text: string) =>
    createHmac('sha256', key).update(text).digest();
  const key = scope.split('/').reduce<string | Buffer>(hmac, 'AWS4secret');
  return hmac(key, ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n')).toString(
    'hex',
  );
}

describe('S3RawZone', () => {
  test('a put is signed with its hash and the session token, has a length and is checked', async () => {
    const { zone, asked, folder } = await zoneWith(status(200), sized);
    await zone.put('a/b.seg', `${folder}/in`);
    expect(asked.map(({ request }) => `${request.method} ${request.url}`)).toEqual([
      'PUT /bucket/prefix/a/b.seg',
      'HEAD /bucket/prefix/a/b.seg',
    ]);
    const put = asked[0] as Asked;
    expect(String(put.body)).toBe('raw bytes');
    expect(put.request.headers).toMatchObject({
      'content-length': '9',
      'x-amz-content-sha256': sha256('raw bytes'),
      'x-amz-security-token': 'token',
    });
    expect(put.request.headers['transfer-encoding']).toBeUndefined();
    for (const one of asked) {
      expect(one.request.headers.authorization).toContain('x-amz-security-token');
      expect(one.request.headers.authorization).toContain(`Signature=${signatureOf(one)}`);
    }
  });

  test('an object that is stored with another size is an error', async () => {
    const { zone, folder } = await zoneWith(status(200));
    await expect(zone.put('a', `${folder}/in`)).rejects.toMatchObject({
      code: 'MR_RAW_UNAVAILABLE',
    });
  });

  test('a busy server is asked again after a while, four times at most', async () => {
    const once = await zoneWith(status(503), status(429), status(200), sized);
    await once.zone.put('a', `${once.folder}/in`);
    expect(once.waitsMs).toEqual([250, 1000]);
    const ever = await zoneWith(status(500, '<Error><Code>InternalError</Code></Error>'));
    await expect(ever.zone.put('a', `${ever.folder}/in`)).rejects.toMatchObject({
      code: 'MR_RAW_UNAVAILABLE',
      message: 's3://bucket/prefix: InternalError',
    });
    expect([ever.asked.length, ever.waitsMs]).toEqual([4, [250, 1000, 4000]]);
  });

  test('a refusal and a redirect are not asked again', async () => {
    const denied =
      '<Error><Code>AccessDenied</Code><Message>You may not write here</Message></Error>';
    const refused = await zoneWith(status(403, denied));
    await expect(refused.zone.remove('a')).rejects.toMatchObject({
      message: 's3://bucket/prefix: AccessDenied: You may not write here',
    });
    expect(refused.asked).toHaveLength(1);
    const moved = await zoneWith((_, response) =>
      response
        .writeHead(301, { location: 'http://127.0.0.1:1/', 'x-amz-bucket-region': 'eu-west-1' })
        .end(),
    );
    await expect(moved.zone.remove('a')).rejects.toMatchObject({
      message: expect.stringContaining('the bucket is in eu-west-1: set AWS_REGION'),
    });
    expect(moved.asked).toHaveLength(1);
  });

  test('a body that is cut off is asked for again, and never left in the file', async () => {
    const once = await zoneWith(cutOff, status(200, 'whole'));
    await once.zone.get('a', `${once.folder}/out`);
    expect(String(await files.readFile(`${once.folder}/out`))).toBe('whole');
    const ever = await zoneWith(cutOff);
    await expect(ever.zone.get('a', `${ever.folder}/out`)).rejects.toMatchObject({
      code: 'MR_RAW_UNAVAILABLE',
    });
    expect(ever.asked).toHaveLength(4);
    expect((await files.list(ever.folder)).map(({ name }) => name)).toEqual(['in']);
  });

  test('an object is read while another is on its way', async () => {
    let arrive = () => {};
    const slow: Answer = (_, response) => {
      arrive = () => response.writeHead(200).end();
    };
    const { zone, asked, folder } = await zoneWith(slow, status(200, 'whole'), sized);
    const putting = zone.put('a', `${folder}/in`);
    await eventually(() => asked[0]);
    expect(await zone.get('b', `${folder}/out`)).toBe(true);
    arrive();
    await putting;
  });

  test('an object that is not there is removed already', async () => {
    const { zone } = await zoneWith(status(404, '<Error><Code>NoSuchKey</Code></Error>'));
    await zone.remove('a');
  });
});

describe('s3Settings', () => {
  const baseUrl = (to: string, env = {}) => s3Settings({ ...KEYS, ...env }, to, 'raw.to').baseUrl;

  test('the bucket is before the host in AWS, and in the path elsewhere', () => {
    expect(baseUrl('s3://bucket/a/b/')).toBe('https://bucket.s3.us-east-1.amazonaws.com/');
    expect(baseUrl('s3://my.bucket')).toBe('https://s3.us-east-1.amazonaws.com/my.bucket/');
    expect(baseUrl('s3://bucket', { AWS_REGION: 'cn-north-1' })).toBe(
      'https://bucket.s3.cn-north-1.amazonaws.com.cn/',
    );
    const env = { AWS_ENDPOINT_URL: 'http://other', AWS_ENDPOINT_URL_S3: 'http://minio:9000/' };
    expect(baseUrl('s3://bucket', env)).toBe('http://minio:9000/bucket/');
    expect(s3Settings(KEYS, 's3://bucket/a/b/', 'raw.to')).toMatchObject({
      bucket: 'bucket',
      prefix: 'a/b',
    });
  });

  test('AWS_REGION goes before AWS_DEFAULT_REGION', () => {
    const env = { ...KEYS, AWS_DEFAULT_REGION: 'eu-west-1' };
    expect(s3Settings(env, 's3://bucket', 'raw.to').region).toBe('eu-west-1');
    expect(s3Settings({ ...env, AWS_REGION: 'eu-west-3' }, 's3://bucket', 'raw.to').region).toBe(
      'eu-west-3',
    );
  });

  test('what is missing or wrong is told', () => {
    const told = (env: Record<string, string>, to = 's3://bucket') => {
      try {
        s3Settings(env, to, 'raw.to');
      } catch (error) {
        expect(error).toMatchObject({ code: 'MR_DEFINITION_INVALID' });
        return String(error);
      }
      return 'nothing';
    };
    expect(told({})).toContain(
      "raw.to 's3://bucket' needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    );
    expect(told({ ...KEYS, AWS_SECRET_ACCESS_KEY: '' })).toContain(
      'needs AWS_SECRET_ACCESS_KEY in',
    );
    for (const to of [
      's3://',
      's3://B',
      's3://bucket/../x',
      's3://bucket//x',
      'bucket',
      's3://bucket/a b',
    ])
      expect(told(KEYS, to), to).toContain('is no place in S3');
    expect(told({ ...KEYS, AWS_REGION: 'a.b/' })).toContain('cannot use the region');
    expect(told({ ...KEYS, AWS_ENDPOINT_URL: 'minio' })).toContain('AWS_ENDPOINT_URL');
  });
});
