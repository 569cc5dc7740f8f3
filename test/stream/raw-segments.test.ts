import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
        put: (name, file) => (isAway ? away() : zone.put(name, file)),
        get: (name, file) => (isAway ? away() : zone.get(name, file)),
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
        put: (name, file) => zone.put(name, file),
        remove: (name) => zone.remove(name),
        get: async (name, file) => {
          if (isAway) throw new MillraceError('MR_RAW_UNAVAILABLE', 'the cable is out');
          return zone.get(name, file);
        },
      };
    });
    isAway = true;
    await expect(log.slices(0, 150, 1e9)).rejects.toMatchObject({ code: 'MR_RAW_UNAVAILABLE' });
    isAway = false;
    expect((await linesOf(log)).length).toBe(150);
    await log.close();
  });

  test('of which an object is gone are named, and hide nothing behind them', async () => {
    const { folder, place, log } = await logInRawZone();
    await log.close();
    rmSync(join(place, objects(place)[1] as string));
    const said: unknown[] = [];
    const again = await storeOn(nodeFileSystem(), join(folder, 'streams'), {
      logger: { ...silentLogger, error: (details) => said.push(details) },
    }).open(settings(2, place));
    onTestFinished(() => again.close());
    expect((await linesOf(again)).sort()).toEqual([...lines(1), ...lines(2)].sort());
    expect(said).toEqual([
      { stream: 'sales', place: expect.stringMatching(/raw\/sales\/.*: records 0 to 49$/) },
    ]);
  });

  test('are unpacked again where somebody has emptied the cache', async () => {
    const { folder, log } = await logInRawZone();
    expect((await linesOf(log)).length).toBe(150);
    rmSync(join(folder, 'streams-cache'), { recursive: true });
    expect((await linesOf(log)).length).toBe(150);
  });

  test('are not read across what was removed while the stream had no raw zone', async () => {
    const { store, place, log, pass } = await logInRawZone();
    await log.close();
    const { raw: _, ...without } = settings(3, place);
    const bare = await store.open(without);
    await bare.append(batchOf(lines(3)));
    pass(10_000);
    expect(await bare.trim()).toBe(1);
    await bare.close();
    const again = await store.open(settings(3, place));
    onTestFinished(() => again.close());
    expect([again.firstSequence, again.nextSequence]).toEqual([150, 200]);
    expect((await linesOf(again)).sort()).toEqual(lines(3).sort());
  });

  test('of a log whose own are missing do not let numbers be used twice', async () => {
    const { folder, store, place, log } = await logInRawZone();
    await log.close();
    const here = join(folder, 'streams', 'sales');
    for (const name of readdirSync(here)) if (/ndjson|idx/.test(name)) rmSync(join(here, name));
    await expect(store.open(settings(2, place))).rejects.toMatchObject({
      code: 'MR_STORAGE_DAMAGED',
      message: expect.stringMatching(
        /raw\.json names records up to 99, but the log .* ends before 0/,
      ),
    });
  });

  test('that are on their way when the log is closed are left to the next one', async () => {
    let begun = () => {};
    const isOnTheWay = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let arrive = () => {};
    const isThere = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    let isSlow = false;
    const { folder, place, store, log, pass } = await logInRawZone((at) => {
      const zone = new FolderRawZone({ files: nodeFileSystem(), folder: at });
      const put = async (name: string, file: string) => {
        await zone.put(name, file);
        if (!isSlow) return;
        begun();
        await isThere;
      };
      return {
        place: at,
        put,
        get: (name, file) => zone.get(name, file),
        remove: (name) => zone.remove(name),
      };
    });
    await log.close();
    const next = await store.open(settings(3, place));
    await next.append(batchOf(lines(3)));
    pass(10_000);
    isSlow = true;
    const trimming = next.trim();
    await isOnTheWay;
    const closing = next.close();
    arrive();
    expect(await trimming).toBe(0);
    await closing;
    expect(readdirSync(join(folder, 'streams', 'sales'))).toContain('0000000000000100.ndjson');
    isSlow = false;
    const last = await store.open(settings(3, place));
    onTestFinished(() => last.close());
    expect((await linesOf(last)).sort()).toEqual(allLines(4).sort());
    expect(await last.trim()).toBe(1);
  });

  test(`of which any bit is another cost what it is in, are named, and hide nothing behind them (RAW_SEED=${SEED})`, async () => {
    const { folder, place, log } = await logInRawZone();
    await log.close();
    const random = seededRandom(SEED);
    let costly = 0;
    for (let round = 0; round < 20; round++) {
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
    changedMs: () => files.changedMs(),
    stamp: (path) => files.stamp(path),
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
    for (let call = 1, isOver = false; !isOver; call += 7) {
      const left = await cutAt(call, kind, honest);
      expect(left, `at call ${call}`).toMatchObject({ lost: 0, doubled: 0, damage: [] });
      isOver = left.isOver;
    }
  });

  test('control: a zone that says too early that it has them loses some', async () => {
    let lost = 0;
    for (let call = 1, isOver = false; !isOver; call += 7) {
      const left = await cutAt(call, 'cut', dishonest);
      lost += left.lost;
      isOver = left.isOver;
    }
    expect(lost).toBeGreaterThan(0);
  });
});
