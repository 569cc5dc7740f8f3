import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MillraceError } from '../../src/core/errors.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { FolderRawZone } from '../../src/stream/embedded/folder-raw-zone.ts';
import type { RawZone } from '../../src/stream/raw-zone.ts';
import type { LogSettings, StreamLog } from '../../src/stream/stream-store.ts';
import { unzstd } from '../../src/wire/zstd.ts';
import { FaultFileSystem, seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { batchOf, LOG_SETTINGS, readAll, storeOn } from '../support/stream.ts';

const SEED = Number(process.env['RAW_SEED'] ?? Math.floor(Math.random() * 1e9));
const PART = 50;

/** Each opening begins a segment, as its schema is another. */
const settings = (part: number, to: string): LogSettings => ({
  ...LOG_SETTINGS,
  retention: { ageMs: 1000 },
  raw: { to, keepMs: 1e12 },
  schema: {
    fields: [{ name: `n${part}`, type: { kind: 'int' }, optional: true }],
    unknown: 'refuse',
  },
});

const lines = (part: number): string[] =>
  Array.from({ length: PART }, (_, index) => `{"n${part}":${part * PART + index}}`);
const allLines = (parts: number): string[] =>
  Array.from({ length: parts }, (_, part) => lines(part)).flat();

function played() {
  let now = 1_000_000;
  return { clock: { now: () => now, after: () => () => {} }, pass: (ms: number) => (now += ms) };
}

/** A log on the disk with two closed segments in the raw zone alone, and one that takes records. */
async function logInRawZone(zoneAt?: (place: string) => RawZone) {
  const folder = temporaryFolder();
  const place = join(folder, 'raw');
  const files = nodeFileSystem();
  const { clock, pass } = played();
  const store = storeOn(files, join(folder, 'streams'), { clock, ...(zoneAt ? { zoneAt } : {}) });
  let log: StreamLog | undefined;
  for (let part = 0; part < 3; part++) {
    await log?.close();
    log = await store.open(settings(part, place));
    await log.append(batchOf(lines(part), (index) => index % 4));
  }
  pass(10_000);
  onTestFinished(() => log?.close());
  const trimmed = await (log as StreamLog).trim();
  return { folder, place, files, store, log: log as StreamLog, trimmed, pass };
}

const objects = (place: string): string[] =>
  readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(zst|idx)$/.test(name))
    .sort();

const linesOf = async (log: StreamLog): Promise<string[]> =>
  (await readAll(log, nodeFileSystem())).records.map(({ line }) => line);

describe('closed segments in a raw zone', () => {
  test('are objects named after their stream, with the records in them as any zstd tool reads them', async () => {
    const { place, log } = await logInRawZone();
    const names = objects(place);
    expect(names.map((name) => name.replace(log.epoch, 'EPOCH'))).toEqual([
      'sales/EPOCH/0000000000000000.idx',
      'sales/EPOCH/0000000000000000.ndjson.zst',
      'sales/EPOCH/0000000000000050.idx',
      'sales/EPOCH/0000000000000050.ndjson.zst',
    ]);
    const packed = readFileSync(join(place, names[1] as string));
    const pieces: Buffer[] = [];
    for await (const piece of unzstd(
      (async function* () {
        yield packed;
      })(),
    ))
      pieces.push(piece);
    const found = Buffer.concat(pieces)
      .toString()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    expect(found.sort()).toEqual(lines(0).sort());
  });

  test('are nowhere else, and are read as if they were', async () => {
    const { folder, files, store, place, log, trimmed } = await logInRawZone();
    expect(trimmed).toBe(2);
    const here = readdirSync(join(folder, 'streams', 'sales')).filter((name) =>
      /ndjson/.test(name),
    );
    expect(here).toEqual(['0000000000000100.ndjson']);
    const { records, damage } = await readAll(log, files);
    expect(damage).toEqual([]);
    expect(records.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 150 }, (_, n) => n),
    );
    expect(records.map(({ line }) => line).sort()).toEqual(allLines(3).sort());
    await log.close();
    const again = await store.open(settings(2, place));
    expect((await readAll(again, files)).records).toEqual(records);
    expect(again.firstSequence).toBe(0);
    await again.close();
  });

  test('are read from where they went when new ones go elsewhere', async () => {
    const { folder, store, log, pass } = await logInRawZone();
    await log.close();
    const next = await store.open(settings(3, join(folder, 'other')));
    await next.append(batchOf(lines(3)));
    pass(10_000);
    expect(await next.trim()).toBe(1);
    expect(objects(join(folder, 'other')).length).toBe(2);
    expect((await linesOf(next)).sort()).toEqual(allLines(4).sort());
    await next.close();
  });

  test('stay in the log while the zone is away, which takes records all the same, and go when it is back', async () => {
    let isAway = true;
    const files = nodeFileSystem();
    const away = async () => {
      throw new MillraceError('MR_RAW_UNAVAILABLE', 'the cable is out');
    };
    const { log, trimmed, place } = await logInRawZone((folder) => {
      const zone = new FolderRawZone({ files, folder });
      return {
        place: folder,
        put: (...args) => (isAway ? away() : zone.put(...args)),
        get: (...args) => (isAway ? away() : zone.get(...args)),
        remove: (name) => zone.remove(name),
      };
    });
    expect(trimmed).toBe(0);
    expect(log.status().held).toEqual({ consumer: 'raw zone', bytes: expect.any(Number) });
    await log.append(batchOf(lines(3)));
    expect((await linesOf(log)).length).toBe(200);
    isAway = false;
    expect(await log.trim()).toBe(2);
    expect(objects(place).length).toBe(4);
    expect((await linesOf(log)).length).toBe(200);
    await log.close();
  });

  test('that are asked for while the zone is away are an error, not a gap', async () => {
    let isAway = false;
    const files = nodeFileSystem();
    const { log } = await logInRawZone((folder) => {
      const zone = new FolderRawZone({ files, folder });
      return {
        place: folder,
        put: (...args) => zone.put(...args),
        remove: (name) => zone.remove(name),
        get: async (...args) => {
          if (isAway) throw new MillraceError('MR_RAW_UNAVAILABLE', 'the cable is out');
          await zone.get(...args);
        },
      };
    });
    isAway = true;
    await expect(log.slices(0, 150, 1e9)).rejects.toMatchObject({ code: 'MR_RAW_UNAVAILABLE' });
    isAway = false;
    expect((await linesOf(log)).length).toBe(150);
    await log.close();
  });

  test(`of which any bit is another cost what it is in, are named, and hide nothing behind them (RAW_SEED=${SEED})`, async () => {
    const { folder, place, log } = await logInRawZone();
    await log.close();
    const random = seededRandom(SEED);
    let costly = 0;
    for (let round = 0; round < 40; round++) {
      const name = join(place, objects(place)[Math.floor(random() * 4)] as string);
      const sound = readFileSync(name);
      const at = Math.floor(random() * sound.length);
      const broken = Buffer.from(sound);
      broken[at] = (broken[at] as number) ^ (1 << Math.floor(random() * 8));
      writeFileSync(name, broken);
      const said: unknown[] = [];
      const again = await storeOn(nodeFileSystem(), join(folder, 'streams'), {
        logger: { ...silentLogger, error: (details) => said.push(details) },
      }).open(settings(2, place));
      const { records, damage } = await readAll(again, nodeFileSystem());
      const hint = `${name.replace(folder, '')} byte ${at}`;
      const written = new Set(allLines(3));
      for (const { line } of records) expect(written.has(line), `${hint}: ${line}`).toBe(true);
      const home = name.includes('0000000000000000') ? 0 : PART;
      const others = records.filter(({ sequence: n }) => n < home || n >= home + PART);
      expect(others.length, hint).toBe(2 * PART);
      if (records.length < 3 * PART) {
        costly += 1;
        expect(damage.length + said.length, hint).toBeGreaterThan(0);
      }
      await again.close();
      writeFileSync(name, sound);
    }
    expect(costly).toBeGreaterThan(0);
  });
});

type Zones = (files: FaultFileSystem) => (place: string) => RawZone;

const honest: Zones = (files) => (folder) => new FolderRawZone({ files, folder });
/** The control: what it stores is not on disk when it says so. */
const dishonest: Zones = (files) => (folder) => {
  const unsynced: FileSystem = {
    open: async (path, mode) => {
      const handle = await files.open(path, mode);
      return {
        write: (...args) => handle.write(...args),
        read: (...args) => handle.read(...args),
        truncate: (length) => handle.truncate(length),
        size: () => handle.size(),
        close: () => handle.close(),
        sync: async () => {},
      };
    },
    readFile: (path) => files.readFile(path),
    replaceFile: (...args) => files.replaceFile(...args),
    list: (path) => files.list(path),
    makeFolder: (path) => files.makeFolder(path),
    remove: (path) => files.remove(path),
    rename: (...args) => files.rename(...args),
    exists: (path) => files.exists(path),
    syncFolder: (path) => files.syncFolder(path),
  };
  return new FolderRawZone({ files: unsynced, folder });
};

/** A day in a log's life, until the power goes: closed segments go to the raw zone. Returns what was acknowledged. */
async function day(
  files: FaultFileSystem,
  zones: Zones,
  { clock, pass }: ReturnType<typeof played>,
) {
  const acknowledged: string[] = [];
  try {
    for (let part = 0; part < 3; part++) {
      const store = storeOn(files, '/data/streams', { clock, zoneAt: zones(files) });
      const log = await store.open(settings(part, '/data/raw'));
      await log.append(batchOf(lines(part)));
      acknowledged.push(...lines(part));
      pass(10_000);
      await log.trim();
      await log.close();
    }
  } catch (error) {
    if (!files.isOff) throw error;
  }
  return acknowledged;
}

/** What is left of a day in which power goes at a call; `isOver` where the day has fewer calls. */
async function cutAt(call: number, kind: 'cut' | 'drop', zones: Zones) {
  const files = new FaultFileSystem(SEED + call);
  const time = played();
  files.plan({ call, kind });
  const acknowledged = await day(files, zones, time);
  const isOver = !files.isOff;
  if (isOver) files.cutPower();
  files.restart();
  const { clock, pass } = time;
  const store = storeOn(files, '/data/streams', { clock, zoneAt: zones(files) });
  const log = await store.open(settings(2, '/data/raw'));
  pass(10_000);
  await log.trim();
  const { records, damage } = await readAll(log, files);
  const found = new Set(records.map(({ line }) => line));
  const lost = acknowledged.filter((line) => !found.has(line)).length;
  return { isOver, lost, doubled: records.length - found.size, damage };
}

describe(`power that goes at any call on the way to the raw zone (RAW_SEED=${SEED})`, () => {
  test.each(['cut', 'drop'] as const)('loses and doubles nothing (%s)', async (kind) => {
    for (let call = 1, isOver = false; !isOver; call += 3) {
      const left = await cutAt(call, kind, honest);
      expect(left, `at call ${call}`).toMatchObject({ lost: 0, doubled: 0, damage: [] });
      isOver = left.isOver;
    }
  });

  test('control: a zone that says too early that it has them loses some', async () => {
    let lost = 0;
    for (let call = 1, isOver = false; !isOver; call += 3) {
      const left = await cutAt(call, 'cut', dishonest);
      lost += left.lost;
      isOver = left.isOver;
    }
    expect(lost).toBeGreaterThan(0);
  });
});
