import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { s3Settings } from '../../src/s3/settings.ts';
import { S3RawZone } from '../../src/stream/aws/s3-raw-zone.ts';
import { describeRawZone, type RawZoneUnderTest } from '../conformance/raw-zone.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import { motoServer } from '../support/moto.ts';
import { eventually, startPipeline } from '../support/pipeline.ts';

const SEGMENT_BYTES = 128 * 1024 * 1024;
const BUCKET = 'raw-zone';
const files = nodeFileSystem();

const server = motoServer(BUCKET);
/** Nobody listens there. */
let closedPort = 0;

beforeAll(async () => {
  closedPort = await freePort();
});

interface ZoneOptions {
  readonly place?: string;
  readonly files?: FileSystem;
}

function zoneAt(address: string, options: ZoneOptions = {}): S3RawZone {
  const { place = `s3://${BUCKET}/some/prefix` } = options;
  const env = {
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'token',
    AWS_ENDPOINT_URL: address,
  };
  // Waits are over at once: the tests of time are with the units.
  const clock = {
    ...systemClock,
    after: (_: number, action: () => void) => systemClock.after(0, action),
  };
  return new S3RawZone({ files, ...options, clock, settings: s3Settings(env, place, 'raw.to') });
}

describeRawZone('A bucket of S3', () => {
  const folder = temporaryFolder();
  const under = (): RawZoneUnderTest => ({
    zone: zoneAt(server.endpoint),
    unreachable: zoneAt(`http://127.0.0.1:${closedPort}`),
    files,
    folder,
    reopen: under,
  });
  return under();
});

test('a segment of the largest size goes there and back in pieces', async () => {
  const folder = temporaryFolder();
  let largest = 0;
  const zone = zoneAt(server.endpoint, {
    place: `s3://${BUCKET}`,
    files: {
      ...files,
      open: async (path, mode) => {
        const handle = await files.open(path, mode);
        return {
          ...handle,
          read: (position, length) => {
            largest = Math.max(largest, length);
            return handle.read(position, length);
          },
          write: (bytes, position) => {
            largest = Math.max(largest, bytes.length);
            return handle.write(bytes, position);
          },
        };
      },
    },
  });
  const bytes = randomBytes(SEGMENT_BYTES);
  await files.replaceFile(`${folder}/in`, bytes);
  await zone.put('large', `${folder}/in`);
  await zone.get('large', `${folder}/out`);
  expect(bytes.equals(await files.readFile(`${folder}/out`))).toBe(true);
  expect(largest).toBeLessThanOrEqual(1024 * 1024);
});

test('a bucket that is not there is told', async () => {
  const folder = temporaryFolder();
  await files.replaceFile(`${folder}/in`, 'x');
  const zone = zoneAt(server.endpoint, { place: 's3://no-such-bucket' });
  for (const action of [() => zone.put('a', `${folder}/in`), () => zone.remove('a')])
    await expect(action()).rejects.toMatchObject({
      code: 'MR_RAW_UNAVAILABLE',
      message: expect.stringMatching(/^s3:\/\/no-such-bucket: NoSuchBucket: /),
    });
});

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const events = stream('events', {
  fields: { n: f.int() }, table: false,
  retention: { maxBytes: '100KB' }, raw: { to: 's3://${BUCKET}/pipeline', keep: '1y' },
});
`;

test('a pipeline keeps what retention ends in a bucket, and reads it from there', async () => {
  const running = await startPipeline(temporaryFolder(), PIPELINE, {
    env: {
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_ENDPOINT_URL: server.endpoint,
    },
  });
  const all = Array.from({ length: 20_000 }, (_, n) => n);
  for (let from = 0; from < all.length; from += 1000) {
    const body = all.slice(from, from + 1000).map((n) => `{"n":${n}}`);
    const answer = await running.post('/v1/streams/events/records', body.join('\n'));
    expect(answer.status).toBe(200);
  }
  const here = `${running.folder}/.millrace/streams/events/0000000000000000.ndjson`;
  await eventually(async () => ((await files.exists(here)) ? undefined : true), 90_000);
  const read = await fetch(`${running.url}/v1/streams/events/records?from=earliest`);
  const lines = (await read.text()).split('\n').slice(0, -1);
  expect(lines.map((line) => (JSON.parse(line) as { record: { n: number } }).record.n)).toEqual(
    all,
  );
}, 180_000);

test('a pipeline without credentials says which are missing', async () => {
  const env = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
  await expect(startPipeline(temporaryFolder(), PIPELINE, { env })).rejects.toThrow(
    /raw\.to 's3:\/\/raw-zone\/pipeline' needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment/,
  );
});
