import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { type Claim, ID_WORDS, type IdBatch } from '../../src/ingest/dedupe-window.ts';
import { SlicedDedupeWindow } from '../../src/ingest/embedded/sliced-dedupe-window.ts';
import { recordIds } from '../../src/ingest/record-id.ts';
import type { StreamLog } from '../../src/stream/stream-store.ts';
import { FaultFileSystem } from '../support/fault-file-system.ts';
import { batchOf, LOG_SETTINGS, storeOn } from '../support/stream.ts';

const field = { name: 'id', type: { kind: 'string' as const }, optional: true };
const ids = recordIds(field);
const settings = {
  ...LOG_SETTINGS,
  shards: 1,
  retention: { ageMs: 1e9 },
  schema: { fields: [field], unknown: 'refuse' as const },
};

function idBatch(names: readonly (string | undefined)[]): IdBatch {
  const words = new Uint32Array(names.length * ID_WORDS);
  const present = new Uint8Array(names.length);
  names.forEach((name, index) => {
    if (name === undefined) return;
    ids.hashText(name, words, index * ID_WORDS);
    present[index] = 1;
  });
  return { count: names.length, words, present };
}

/** A log with its window on a disk that loses what was not synced; slices of 50 ids. */
class World {
  now = 1_000_000;
  readonly files = new FaultFileSystem(1);
  readonly clock = { now: () => this.now, after: () => () => {} };
  log!: StreamLog;
  window!: SlicedDedupeWindow;
  readonly withinMs: number;

  constructor(withinMs: number) {
    this.withinMs = withinMs;
  }

  async open(withinMs = this.withinMs): Promise<this> {
    this.log = await storeOn(this.files, '/data', { clock: this.clock }).open(settings);
    this.window = await SlicedDedupeWindow.open({
      log: this.log,
      ids,
      withinMs,
      files: this.files,
      folder: '/data/sales/ids',
      clock: this.clock,
      logger: silentLogger,
      sliceIdsMax: 50,
    });
    return this;
  }

  async crash(): Promise<void> {
    this.files.cutPower();
    this.files.restart();
    await this.open();
  }

  /** Which of the names were new, and are stored now. */
  async store(names: readonly string[]): Promise<string[]> {
    const claim = await this.window.claim(idBatch(names));
    const fresh = names.filter((_, index) => claim.duplicate[index] === 0);
    if (fresh.length > 0) await this.log.append(batchOf(fresh.map((id) => JSON.stringify({ id }))));
    claim.stored();
    await claim.others;
    return fresh;
  }

  isNew = async (name: string): Promise<boolean> => {
    const claim = await this.window.claim(idBatch([name]));
    claim.failed(new Error('only asked'));
    return claim.duplicate[0] === 0;
  };
}

const names = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => `id-${from + index}`);

describe('the contract of DedupeWindow', () => {
  test('D1: the id of a stored record is a duplicate, in memory, in slices, and after a crash', async () => {
    const world = await new World(1e9).open();
    for (let batch = 0; batch < 20; batch++) await world.store(names(batch * 23, 23));
    const all = names(0, 460);
    expect(await world.store(all)).toEqual([]);
    await world.crash();
    expect(await world.store(all)).toEqual([]);
    expect(await world.store(['id-460'])).toEqual(['id-460']);
  });

  test('D2: an id is new again once its time has passed, not a moment before', async () => {
    const world = await new World(10_000).open();
    await world.store(['a']);
    world.now += 9999;
    expect(await world.isNew('a')).toBe(false);
    await world.crash();
    expect(await world.isNew('a')).toBe(false);
    world.now += 1;
    expect(await world.isNew('a')).toBe(true);
    await world.crash();
    expect(await world.isNew('a')).toBe(true);
  });

  test('D2: an id whose record could not be stored is new', async () => {
    const world = await new World(10_000).open();
    const claim = await world.window.claim(idBatch(['a']));
    claim.failed(new Error('disk full'));
    expect(await world.isNew('a')).toBe(true);
  });

  test('D3: of one id in many requests at a time one is new; the others wait for it, and fail with it', async () => {
    const world = await new World(10_000).open();
    const claims: Claim[] = await Promise.all(
      Array.from({ length: 5 }, () => world.window.claim(idBatch(['a', 'b', 'a']))),
    );
    expect(claims.map(({ duplicate }) => [...duplicate])).toEqual([
      [0, 0, 1],
      ...Array.from({ length: 4 }, () => [1, 1, 1]),
    ]);
    let settled = false;
    const waiting = (claims[1] as Claim).others.finally(() => {
      settled = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    claims[0]?.failed(new Error('disk full'));
    await expect(waiting).rejects.toThrow('disk full');
  });

  test('records without an id are always new', async () => {
    const world = await new World(10_000).open();
    const claim = await world.window.claim(idBatch([undefined, undefined]));
    expect([...claim.duplicate]).toEqual([0, 0]);
  });

  test('D5: damaged or missing slices are made again from the log', async () => {
    const world = await new World(1e9).open();
    for (let batch = 0; batch < 10; batch++) await world.store(names(batch * 30, 30));
    await world.window.close();
    const slices = (await world.files.list('/data/sales/ids')).filter(({ name }) =>
      name.endsWith('.ids'),
    );
    expect(slices.length).toBeGreaterThan(3);
    const path = `/data/sales/ids/${slices[1]?.name}`;
    const bytes = Buffer.from(await world.files.readFile(path));
    bytes[100] = (bytes[100] as number) ^ 4;
    await world.files.replaceFile(path, bytes);
    await world.files.remove(`/data/sales/ids/${slices[3]?.name}`);
    await world.open();
    expect(await world.store(names(0, 300))).toEqual([]);
  });

  test('another field or another log does not believe the ids that are there', async () => {
    const world = await new World(1e9).open();
    for (let batch = 0; batch < 10; batch++) await world.store(names(batch * 30, 30));
    await world.window.close();
    const other = await SlicedDedupeWindow.open({
      log: world.log,
      ids: recordIds({ ...field, name: 'other' }),
      withinMs: 1e9,
      files: world.files,
      folder: '/data/sales/ids',
      clock: world.clock,
      logger: silentLogger,
    });
    const claim = await other.claim(idBatch(['id-1']));
    expect([...claim.duplicate]).toEqual([0]);
  });
});

test('any order of requests, waits and crashes stores each id once within its time', async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ ids: fc.array(fc.nat(80), { minLength: 1, maxLength: 30 }) }),
    },
    { weight: 2, arbitrary: fc.record({ wait: fc.integer({ min: 1, max: 120_000 }) }) },
    { weight: 1, arbitrary: fc.constant({ crash: true }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const world = await new World(100_000).open();
      const storedAt = new Map<string, number>();
      for (const one of steps) {
        if ('wait' in one) world.now += one.wait;
        else if ('crash' in one) await world.crash();
        else {
          const wanted = one.ids.map((id) => `id-${id}`);
          const expected = [...new Set(wanted)].filter(
            (id) => world.now - (storedAt.get(id) ?? Number.NEGATIVE_INFINITY) >= 100_000,
          );
          expect(await world.store(wanted)).toEqual(expected);
          for (const id of expected) storedAt.set(id, world.now);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('control: a window that forgets what it wrote stores an id twice', async () => {
  const world = await new World(1e9).open();
  await world.store(names(0, 60));
  await world.window.close();
  const empty = new World(1e9);
  await empty.open();
  expect(await empty.store(['id-1'])).toEqual(['id-1']);
});
