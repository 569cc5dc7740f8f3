import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { MillraceError } from '../../src/core/errors.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import type { WrittenFile } from '../../src/engine/protocol.ts';
import { field as f, stream } from '../../src/index.ts';
import { CachedDataFiles } from '../../src/lake/aws/cached-data-files.ts';
import { probeLake } from '../../src/lake/aws/conditions.ts';
import { FileCache } from '../../src/lake/aws/file-cache.ts';
import { LakeLock, type LakeOwner } from '../../src/lake/aws/lake-lock.ts';
import { putFile } from '../../src/lake/aws/put-file.ts';
import { S3FileSystem } from '../../src/lake/aws/s3-file-system.ts';
import { S3Objects } from '../../src/lake/aws/s3-objects.ts';
import type { DataFiles } from '../../src/lake/data-files.ts';
import { FileTableStore } from '../../src/lake/embedded/file-table-store.ts';
import { TableRegistry } from '../../src/lake/embedded/table-registry.ts';
import type { LakeTable } from '../../src/lake/table-store.ts';
import { s3Settings } from '../../src/s3/settings.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type S3Fault, s3Proxy } from '../support/s3-proxy.ts';

const files = nodeFileSystem();
const { fields } = stream('s', { fields: { id: f.long() } }).settings;
const CHECKPOINT = 'millrace.checkpoint';

/** Waits between tries are over at once; time-outs are the requests' own. */
const clock = {
  ...systemClock,
  after: (_: number, action: () => void) => systemClock.after(0, action),
};

/** A server of S3; its endpoint is known once it is up. */
export interface BucketUnderTest {
  readonly endpoint: string;
  readonly bucket: string;
  readonly keys: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string };
}

/**
 * The tables of a lake in a bucket: what commits, data files, large files and the lock promise.
 * @param everyNth of the requests of a commit, those at which each fault is played
 */
export function describeLakeInBucket(
  server: BucketUnderTest,
  { everyNth }: { readonly everyNth: number },
): void {
  const newPlace = (): string => `s3://${server.bucket}/${randomUUID()}`;

  function objectsAt(place: string, endpoint = server.endpoint, requestMs = 5000): S3Objects {
    const env = { ...server.keys, AWS_ENDPOINT_URL: endpoint };
    const times = { requestMs, transferMs: requestMs };
    return new S3Objects(s3Settings(env, place, '--lake'), clock, times);
  }

  /** A process of its own: it has read nothing yet. */
  function openTable(objects: S3Objects, dataFiles?: DataFiles): Promise<LakeTable> {
    const context = { files: new S3FileSystem(objects), clock, logger: silentLogger };
    const registry = new TableRegistry(objects.place, {
      ...context,
      ...(dataFiles ? { dataFiles } : {}),
    });
    const settings = { namespace: 'lake', name: 's', fields, partitionBy: [] } as const;
    return new FileTableStore(registry).open(settings);
  }

  const fileNumber = (place: string, index: number | string): WrittenFile => ({
    path: `${place}/lake/s/data/${index}.parquet`,
    rows: 1,
    bytes: 100,
    statistics: {},
    partition: [],
    specId: 0,
    sortOrderId: 0,
  });

  const namesOf = (table: LakeTable): string[] =>
    table.scan.files.map(({ path }) => path.slice(path.lastIndexOf('/') + 1, -'.parquet'.length));

  const codeOf = (error: unknown): string =>
    error instanceof MillraceError ? error.code : String(error);

  /** As a delivery does: what is not known to be there is tried again, upon what the table says then. */
  async function deliverUntil(
    table: LakeTable,
    place: string,
    count: number,
    { isCareful = true } = {},
  ): Promise<void> {
    for (let tries = 0; tries < 20 * count; tries++) {
      const stored = table.properties[CHECKPOINT];
      const next = Number(stored ?? 0);
      if (next >= count) return;
      try {
        const properties = { [CHECKPOINT]: String(next + 1) };
        const expected = isCareful ? { [CHECKPOINT]: stored } : {};
        await table.append([fileNumber(place, next)], properties, expected);
      } catch (error) {
        expect(codeOf(error)).toMatch(
          /^MR_(LAKE_UNAVAILABLE|TABLE_COMMIT_UNKNOWN|TABLE_COMMIT_CONFLICT)$/,
        );
      }
    }
    throw new Error(`after ${20 * count} tries the table is at ${table.properties[CHECKPOINT]}`);
  }

  describe('two writers of one table', () => {
    test('lose no commit: who comes second is told, and commits upon the first', async () => {
      const place = newPlace();
      await openTable(objectsAt(place));
      const conflicts: string[] = [];
      const write = async (name: string): Promise<void> => {
        const table = await openTable(objectsAt(place));
        for (let index = 0; index < 15; ) {
          try {
            await table.append([fileNumber(place, `${name}${index}`)], {});
            index += 1;
          } catch (error) {
            conflicts.push(codeOf(error));
          }
        }
      };
      await Promise.all([write('a'), write('b')]);
      const expected = ['a', 'b'].flatMap((name) =>
        Array.from({ length: 15 }, (_, index) => `${name}${index}`),
      );
      expect(namesOf(await openTable(objectsAt(place))).sort()).toEqual(expected.sort());
      expect(new Set(conflicts)).toEqual(new Set(['MR_TABLE_COMMIT_CONFLICT']));
    });

    test('one that was asleep does not deliver what the other delivered meanwhile', async () => {
      const place = newPlace();
      const [asleep, awake] = [
        await openTable(objectsAt(place)),
        await openTable(objectsAt(place)),
      ];
      await deliverUntil(awake, place, 3);
      await deliverUntil(asleep, place, 5);
      await deliverUntil(awake, place, 6);
      expect(namesOf(await openTable(objectsAt(place)))).toEqual(['0', '1', '2', '3', '4', '5']);
    });

    test('control: without a condition the same writers lose commits', async () => {
      const place = newPlace();
      const objects = objectsAt(place);
      const blind = new S3FileSystem(objects);
      const careless = Object.assign(Object.create(blind) as S3FileSystem, {
        open: blind.open.bind(blind),
        readFile: blind.readFile.bind(blind),
        list: blind.list.bind(blind),
        exists: blind.exists.bind(blind),
        makeFolder: async () => {},
        syncFolder: async () => {},
        remove: blind.remove.bind(blind),
        stamp: blind.stamp.bind(blind),
        replaceFile: async (path: string, bytes: string) => {
          const now = await objects.read(path);
          await objects.swap(path, Buffer.from(bytes), now?.etag ?? null);
        },
      });
      const open = () =>
        new FileTableStore(
          new TableRegistry(place, { files: careless, clock, logger: silentLogger }),
        ).open({ namespace: 'lake', name: 's', fields, partitionBy: [] });
      const [first, second] = [await open(), await open()];
      await first.append([fileNumber(place, 'first')], {});
      await second.append([fileNumber(place, 'second')], {});
      expect(namesOf(await open())).toEqual(['second']);
    });
  });

  describe('a bucket that fails', () => {
    const FAULTS: readonly S3Fault[] = [
      'refused',
      'slow down',
      'done, then 500',
      'done, then cut',
      'done, then silent',
      'cut',
    ];
    /** Tried again; more than are tried, so that the commit fails; and reading back fails too. */
    const IN_A_ROW = [1, 5, 9];

    /** What the table has after three deliveries, things going wrong from a request on. */
    async function storedWith(
      fault: S3Fault,
      { first, times, isCareful = true }: { first: number; times: number; isCareful?: boolean },
    ): Promise<string[]> {
      // Longer than a store that is busy takes for one that it answers: else no delivery would ever come to its end.
      const requestMs = fault === 'done, then silent' ? 600 : 5000;
      const place = newPlace();
      await openTable(objectsAt(place));
      const proxy = await s3Proxy(server.endpoint);
      const table = await openTable(objectsAt(place, proxy.endpoint, requestMs));
      const from = proxy.asked.length + first;
      proxy.play(({ index }) => (index >= from && index < from + times ? fault : undefined));
      await deliverUntil(table, place, 3, { isCareful });
      return namesOf(await openTable(objectsAt(place)));
    }

    for (const fault of FAULTS)
      test(`with '${fault}', once or again and again, at any request: each commit is there once`, async () => {
        for (let first = 1; first <= 16; first += fault === 'done, then silent' ? 8 : everyNth)
          for (const times of IN_A_ROW)
            expect(await storedWith(fault, { first, times }), `${times} from ${first} on`).toEqual([
              '0',
              '1',
              '2',
            ]);
      });

    test('control: a delivery that does not look at what it commits upon is noticed', async () => {
      const found: string[] = [];
      for (let first = 1; first <= 8; first++) {
        const stored = await storedWith('done, then 500', { first, times: 9, isCareful: false });
        found.push(stored.join());
      }
      expect(found.filter((stored) => stored !== '0,1,2').length).toBeGreaterThan(0);
    });
  });

  describe('files of a table in a bucket', () => {
    test('end there once no snapshot reaches them, and what nothing names is swept', async () => {
      const objects = objectsAt(newPlace());
      const { place } = objects;
      const table = await openTable(objects);
      const keep = { 'history.expire.min-snapshots-to-keep': '1' };
      for (const name of ['old', 'new']) {
        await objects.create(fileNumber(place, name).path, Buffer.from(name));
        await table.replace([fileNumber(place, name)], keep);
      }
      await objects.create(
        fileNumber(place, 'orphan').path,
        Buffer.from('of a commit that failed'),
      );
      expect(await table.expire(Date.now(), {})).toBe(1);
      await table.removeEnded(Date.now() + LIMITS.tableFilesGraceMs + 1);
      expect(await objects.read(fileNumber(place, 'old').path)).toBeUndefined();
      expect(await table.sweep(Date.now() - 60_000), 'it is young').toEqual([]);
      expect(await table.sweep(Date.now() + 60_000)).toContain(fileNumber(place, 'orphan').path);
      expect(await objects.read(fileNumber(place, 'orphan').path)).toBeUndefined();
      expect((await objects.read(fileNumber(place, 'new').path))?.bytes.toString()).toBe('new');
      expect(namesOf(await openTable(objects))).toEqual(['new']);
    });

    test('a table that names files elsewhere is refused', async () => {
      const objects = objectsAt(newPlace());
      const table = await openTable(objects, await dataFilesOf(objects));
      for (const path of ['s3://another/lake/x.parquet', '/etc/passwd', `${objects.place}/../x`])
        expect(() => objects.keyOf(path)).toThrow(/is not in the lake/);
      expect(namesOf(table)).toEqual([]);
    });

    test('D1, D2: what the engine wrote here is there, and is read here until it has to go', async () => {
      const objects = objectsAt(newPlace());
      const folder = temporaryFolder();
      const dataFiles = await dataFilesOf(objects, folder, 250);
      const table = await openTable(objects, dataFiles);
      for (const name of ['one', 'two', 'three']) {
        const path = join(table.target.folder, `${name}.parquet`);
        await files.replaceFile(path, name.padEnd(100, '.'));
        await table.append([{ ...fileNumber('', name), path }], {});
      }
      expect(await files.list(table.target.folder)).toEqual([]);
      const read = async (name: string) =>
        (await objects.read(fileNumber(objects.place, name).path))?.bytes.toString();
      expect(await read('one')).toBe('one'.padEnd(100, '.'));
      const { scan } = table;
      const here = await Promise.all(scan.files.map(({ path }) => files.exists(path)));
      expect(here, 'there is room for two').toEqual([false, true, true]);
      const wait = { keepMs: 1000, waitMs: 5000 };
      await expect(dataFiles.fetch(scan, wait)).rejects.toMatchObject({ code: 'MR_QUERY_LIMIT' });
      await dataFiles.fetch({ ...scan, files: scan.files.slice(0, 1) }, wait);
      expect((await files.readFile(scan.files[0]?.path ?? '')).toString()).toMatch(/^one\.+$/);
      expect(await files.exists(scan.files[1]?.path ?? ''), 'used least lately').toBe(false);
    });

    test('D2: who does not wait long enough is told how far it is, and it goes on', async () => {
      const proxy = await s3Proxy(server.endpoint);
      const objects = objectsAt(newPlace(), proxy.endpoint);
      const dataFiles = await dataFilesOf(objects);
      const table = await openTable(objects, dataFiles);
      const { path } = fileNumber(objects.place, 'a');
      await objects.create(path, Buffer.from('a'.repeat(100)));
      const scan = dataFiles.readable({ ...table.scan, files: [{ path, rows: 1, bytes: 100 }] });
      proxy.play(({ url }) => (url.endsWith('a.parquet') ? 'slow' : undefined));
      const before = proxy.asked.length;
      await expect(dataFiles.fetch(scan, { keepMs: 0, waitMs: 20 })).rejects.toMatchObject({
        code: 'MR_NOT_READY',
        message: expect.stringMatching(/^Of 1 data files .* 0 .* came from the bucket so far/),
        details: { fetching: true },
      });
      await dataFiles.fetch(scan, { keepMs: 0, waitMs: 5000 });
      expect(proxy.asked.length - before, 'it is fetched once').toBe(1);
    });

    test('D1: an upload that fails leaves no file here and no commit', async () => {
      const proxy = await s3Proxy(server.endpoint);
      const objects = objectsAt(newPlace(), proxy.endpoint);
      const table = await openTable(objects, await dataFilesOf(objects));
      const path = join(table.target.folder, 'x.parquet');
      await files.replaceFile(path, 'x'.repeat(100));
      proxy.play(({ url }) => (url.endsWith('x.parquet') ? 'refused' : undefined));
      const append = table.append([{ ...fileNumber('', 'x'), path }], {});
      await expect(append).rejects.toMatchObject({ code: 'MR_LAKE_UNAVAILABLE' });
      expect(await files.list(table.target.folder)).toEqual([]);
      expect(table.snapshots).toEqual([]);
    });
  });

  async function dataFilesOf(objects: S3Objects, folder = temporaryFolder(), bytesMax = 1e6) {
    const staging = join(folder, 'staging');
    await files.makeFolder(staging);
    const cache = await FileCache.open({
      files,
      folder: join(folder, 'cache'),
      bytesMax,
      clock: systemClock,
    });
    return new CachedDataFiles({ objects, cache, files, staging, clock: systemClock });
  }

  describe('a large file', () => {
    const PART = 5 * 1024 * 1024;

    async function largeFile(): Promise<{ path: string; bytes: Buffer }> {
      const bytes = randomBytes(2 * PART + 12_345);
      const path = join(temporaryFolder(), 'large');
      await files.replaceFile(path, bytes);
      return { path, bytes };
    }

    const uploads = async (): Promise<string> => {
      const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } =
        server.keys;
      const client = new AwsClient({ accessKeyId, secretAccessKey, service: 's3' });
      const answer = await client.fetch(`${server.endpoint}/${server.bucket}?uploads`);
      expect(answer.status).toBe(200);
      return answer.text();
    };

    test('goes in parts, a piece in memory at a time, and is whole', async () => {
      const objects = objectsAt(newPlace());
      const { path, bytes } = await largeFile();
      let largest = 0;
      const watched = {
        ...files,
        open: async (...to: Parameters<typeof files.open>) => {
          const handle = await files.open(...to);
          return {
            ...handle,
            read: (position: number, length: number) => {
              largest = Math.max(largest, length);
              return handle.read(position, length);
            },
          };
        },
      };
      const location = `${objects.place}/large`;
      await putFile(objects, { files: watched, path, location, partBytesMin: PART });
      expect((await objects.read(location))?.bytes.equals(bytes)).toBe(true);
      expect(largest).toBeLessThanOrEqual(1024 * 1024);
    });

    test('is whole where the answer to its end is lost, and leaves no parts where it fails', async () => {
      const proxy = await s3Proxy(server.endpoint);
      const objects = objectsAt(newPlace(), proxy.endpoint);
      const { path, bytes } = await largeFile();
      const location = `${objects.place}/large`;
      let ends = 0;
      proxy.play(({ method, url }) => {
        if (method === 'POST' && url.includes('uploadId')) ends += 1;
        return ends === 1 && method === 'POST' ? 'done, then cut' : undefined;
      });
      await putFile(objects, { files, path, location, partBytesMin: PART });
      expect((await objects.read(location))?.bytes.equals(bytes)).toBe(true);

      proxy.play(({ url }) => (url.includes('partNumber=2') ? 'refused' : undefined));
      const failing = putFile(objects, {
        files,
        path,
        location: `${location}-2`,
        partBytesMin: PART,
      });
      await expect(failing).rejects.toMatchObject({ code: 'MR_LAKE_UNAVAILABLE' });
      expect(await uploads()).not.toContain('<UploadId>');
      expect(await objects.info(`${location}-2`)).toBeUndefined();
    });
  });

  describe('the lock of a lake', () => {
    const owner = (host: string): LakeOwner => ({ host, pid: 1, folder: '/data' });
    const take = (objects: S3Objects, host: string, more: object = {}) =>
      LakeLock.take({
        objects,
        owner: owner(host),
        clock: systemClock,
        logger: silentLogger,
        onLost: () => {},
        ...more,
      });

    test('is refused while somebody has it, and free once that was given up', async () => {
      const objects = objectsAt(newPlace());
      const first = await take(objects, 'a', { beatMs: 200 });
      await expect(take(objects, 'b')).rejects.toMatchObject({
        code: 'MR_STORAGE_LOCKED',
        message: expect.stringContaining('Process 1 on a, with the data folder /data,'),
      });
      await first.release();
      await (await take(objects, 'b')).release();
      expect(await objects.info(`${objects.place}/lock.json`)).toBeUndefined();
    });

    test('goes over after a crash: to the same data folder at once, to others after a while; who wakes up is told', async () => {
      const objects = objectsAt(newPlace());
      const lost = new Promise<MillraceError>((resolve) => {
        void take(objects, 'a', { beatMs: 200, onLost: resolve });
      });
      await expect.poll(() => objects.info(`${objects.place}/lock.json`)).toBeDefined();
      const second = await take(objects, 'b', { leaseMs: 0 });
      expect((await lost).message).toContain('Process 1 on b');
      await second.release();
      await take(objects, 'a', { beatMs: 60_000 });
      await (await take(objects, 'a')).release();
      await take(objects, 'a', { beatMs: 60_000 });
      const began = Date.now();
      await (await take(objects, 'b', { leaseMs: 3000 })).release();
      expect(Date.now() - began).toBeGreaterThan(1000);
    });

    test('is not lost by an answer that is, nor by who removes it', async () => {
      const place = newPlace();
      const location = `${place}/lock.json`;
      const proxy = await s3Proxy(server.endpoint);
      const losses: MillraceError[] = [];
      const onLost = (error: MillraceError) => losses.push(error);
      const lock = await take(objectsAt(place, proxy.endpoint), 'a', { beatMs: 100, onLost });
      const said = async (): Promise<number> => {
        const stored = await objectsAt(place).read(location);
        return stored ? (JSON.parse(stored.bytes.toString()) as { beat: number }).beat : 0;
      };
      proxy.play(({ url }) => (url.includes('lock.json') ? 'done, then 500' : undefined));
      const before = await said();
      await expect.poll(said, { timeout: 10_000 }).toBe(before + 1);
      // All tries of that word, and of one that is none any more for the server.
      const asked = proxy.asked.length;
      await expect.poll(() => proxy.asked.length, { timeout: 10_000 }).toBeGreaterThan(asked + 6);
      proxy.play(() => undefined);
      await expect.poll(said, { timeout: 10_000 }).toBeGreaterThan(before + 2);
      await objectsAt(place).remove(location);
      await expect.poll(said, { timeout: 10_000 }).toBeGreaterThan(before + 3);
      expect(losses).toEqual([]);
      await lock.release();
    });

    test('is not to be had of a server that pays no heed to conditions', async () => {
      const objects = objectsAt(newPlace());
      const careless = Object.assign(Object.create(objects) as S3Objects, {
        place: objects.place,
        read: objects.read.bind(objects),
        remove: objects.remove.bind(objects),
        list: objects.list.bind(objects),
        create: async () => true,
        swap: async () => '"etag"',
      });
      await expect(take(careless, 'a')).rejects.toMatchObject({ code: 'MR_LAKE_UNAVAILABLE' });
      await probeLake(objects);
    });
  });
}
