import { describe, expect, test } from 'vitest';
import { NOT_GIVEN } from '../../src/stream/partition-keys.ts';
import { FaultFileSystem, seededRandom } from '../support/fault-file-system.ts';
import { batchOf, LOG_SETTINGS, readAll, storeOn } from '../support/stream.ts';

/** Every 7th call in CI; FAULT_EVERY=1 plays each of them. */
const EVERY = Number(process.env['FAULT_EVERY'] ?? 7);
const SEED = Number(process.env['FAULT_SEED'] ?? 20261121);

/** Appends until the disk fails; returns the lines that were acknowledged, and all that were tried. */
async function appendUntilFailure(
  files: FaultFileSystem,
  seed: number,
): Promise<{ acknowledged: string[]; tried: string[] }> {
  const random = seededRandom(seed);
  const acknowledged: string[] = [];
  const tried: string[] = [];
  try {
    const log = await storeOn(files, '/data').open(LOG_SETTINGS);
    for (let round = 0; round < 12; round++) {
      const batches = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, batch) =>
        Array.from(
          { length: 1 + Math.floor(random() * 9) },
          (_, index) => `{"n":${round * 1000 + batch * 100 + index}}`,
        ),
      );
      const keyed = random() < 0.3;
      const givesKeys = random() < 0.5;
      await Promise.all(
        batches.map(async (lines, batch) => {
          tried.push(...lines);
          const request = keyed
            ? { key: `${round}-${batch}`, bodyHash: 'h', answer: () => '{}' }
            : undefined;
          await log.append(
            batchOf(lines, () => Math.floor(random() * 4), 0, givesKeys ? lines : undefined),
            request,
          );
          acknowledged.push(...lines);
        }),
      );
    }
    await log.close();
  } catch (error) {
    // The fault reached us as an error: that is what a client would be told.
    if (!(error instanceof Error)) throw error;
  }
  return { acknowledged, tried };
}

async function checkAfterRestart(
  files: FaultFileSystem,
  { acknowledged, tried }: { acknowledged: string[]; tried: string[] },
): Promise<string[]> {
  files.restart();
  const log = await storeOn(files, '/data').open(LOG_SETTINGS);
  const { records, damage } = await readAll(log, files);
  const stored = records.map((record) => record.line);
  const problems = [
    ...acknowledged.filter((line) => !stored.includes(line)).map((line) => `lost ${line}`),
    ...stored.filter((line) => !tried.includes(line)).map((line) => `unknown ${line}`),
    ...(new Set(stored).size === stored.length ? [] : ['doubled']),
    ...records
      .filter((record, index) => record.sequence !== index)
      .map((record) => `gap at ${record.sequence}`),
    ...records
      .filter(({ key, line }) => key !== NOT_GIVEN && key !== line)
      .map(({ key, line }) => `key ${key} for ${line}`),
    ...damage,
  ];
  // It goes on where it stopped.
  await log.append(batchOf(['{"n":-1}']));
  return problems;
}

async function callsOfWholeRun(): Promise<number> {
  const files = new FaultFileSystem(SEED);
  await appendUntilFailure(files, SEED);
  return files.calls;
}

describe('the log with a disk that fails', () => {
  for (const kind of ['error', 'cut', 'full'] as const) {
    test(`loses nothing acknowledged when call n is met by '${kind}', for every ${EVERY}th n (seed ${SEED})`, async () => {
      const calls = await callsOfWholeRun();
      expect(calls).toBeGreaterThan(40);
      for (let call = 1; call <= calls; call += EVERY) {
        const files = new FaultFileSystem(SEED + call);
        files.plan({ call, kind });
        const run = await appendUntilFailure(files, SEED);
        expect(await checkAfterRestart(files, run), `call ${call}`).toEqual([]);
      }
    });
  }

  test('control: a disk that forgets durable writes is noticed by the same check', async () => {
    const files = new FaultFileSystem(SEED, { honestDurable: false });
    const run = await appendUntilFailure(files, SEED);
    files.cutPower();
    expect((await checkAfterRestart(files, run)).length).toBeGreaterThan(0);
  });

  test('S5: a commit torn anywhere is dropped whole, and those before it stay', async () => {
    for (let seed = 0; seed < 90; seed++) {
      const files = new FaultFileSystem(seed);
      const log = await storeOn(files, '/data').open(LOG_SETTINGS);
      await log.append(batchOf(['{"n":1}', '{"n":2}'], (index) => index, 0, ['a', 'b']));
      const lines = Array.from({ length: 100 }, (_, index) => `{"n":${index + 10}}`);
      files.plan({ call: 1 + (seed % 3), kind: 'cut' });
      await expect(log.append(batchOf(lines, (index) => index % 4, 0, lines))).rejects.toThrow();
      files.restart();
      const reopened = await storeOn(files, '/data').open(LOG_SETTINGS);
      const { records, damage } = await readAll(reopened, files);
      expect(damage, `seed ${seed}`).toEqual([]);
      expect([2, 102], `seed ${seed}`).toContain(records.length);
      for (const { key, line } of records.slice(2)) expect(key, `seed ${seed}`).toBe(line);
    }
  });

  test('S6: a flipped bit in the data is found and named, and hides nothing else', async () => {
    for (let flip = 0; flip < 25; flip++) {
      const files = new FaultFileSystem(flip);
      const log = await storeOn(files, '/data').open(LOG_SETTINGS);
      for (let batch = 0; batch < 10; batch++) await log.append(batchOf([`{"n":${batch}}`]));
      files.flipBit('/data/sales/0000000000000000.ndjson', 512 * 4 + (flip % 7));
      const { records, damage } = await readAll(log, files);
      expect(damage).toHaveLength(1);
      expect(damage[0]).toContain('records 4 to 4');
      expect(records.map((record) => record.sequence)).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9]);
    }
  });

  test('S6: a flipped bit in the partition keys costs those of one commit, and no record', async () => {
    for (let flip = 0; flip < 25; flip++) {
      const files = new FaultFileSystem(flip);
      const log = await storeOn(files, '/data').open(LOG_SETTINGS);
      for (let batch = 0; batch < 10; batch++)
        await log.append(batchOf([`{"n":${batch}}`], () => 0, 0, [`key ${batch}`]));
      await log.close();
      const last = flip % 2 === 0;
      files.flipBit('/data/sales/0000000000000000.keys', 512 * (last ? 9 : 4) + (flip % 8));
      const reopened = await storeOn(files, '/data').open(LOG_SETTINGS);
      const { records } = await readAll(reopened, files);
      const lost = last ? 9 : 4;
      expect(records.map(({ key }) => key)).toEqual(
        Array.from({ length: 10 }, (_, batch) => (batch === lost ? undefined : `key ${batch}`)),
      );
      // Only the last commit is read when a log is opened.
      expect(reopened.status().damaged.join()).toContain(last ? 'keys of records 9 to 9' : '');
    }
  });

  test('S6: a flipped bit in the index is found and named, and hides nothing at all', async () => {
    for (let flip = 0; flip < 25; flip++) {
      const files = new FaultFileSystem(flip);
      const log = await storeOn(files, '/data').open(LOG_SETTINGS);
      for (let batch = 0; batch < 10; batch++) await log.append(batchOf([`{"n":${batch}}`]));
      await log.close();
      files.flipBit('/data/sales/0000000000000000.idx', 512 * 4 + flip * 7);
      const reopened = await storeOn(files, '/data').open(LOG_SETTINGS);
      expect(reopened.status().damaged, `flip ${flip}`).toHaveLength(1);
      expect(reopened.status().damaged[0]).toContain('records 4 to 4');
      const { records } = await readAll(reopened, files);
      expect(records.map((record) => record.sequence)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(reopened.nextSequence).toBe(10);
    }
  });

  test('S9: a full disk refuses appends and lets them through again once there is space', async () => {
    const files = new FaultFileSystem(SEED);
    const log = await storeOn(files, '/data').open(LOG_SETTINGS);
    await log.append(batchOf(['{"n":1}']));
    files.plan({ call: 1, kind: 'full' });
    await expect(log.append(batchOf(['{"n":2}']))).rejects.toMatchObject({
      code: 'MR_STORAGE_FULL',
    });
    expect((await readAll(log, files)).records).toHaveLength(1);
    await log.append(batchOf(['{"n":3}']));
    expect((await readAll(log, files)).records.map((record) => record.line)).toEqual([
      '{"n":1}',
      '{"n":3}',
    ]);
  });

  test('any other failed write ends the log: nothing is acknowledged until it is opened again', async () => {
    const files = new FaultFileSystem(SEED);
    const log = await storeOn(files, '/data').open(LOG_SETTINGS);
    await log.append(batchOf(['{"n":1}']));
    files.plan({ call: 2, kind: 'error' });
    await expect(log.append(batchOf(['{"n":2}']))).rejects.toMatchObject({
      code: 'MR_STORAGE_FAILED',
    });
    files.plan(undefined);
    await expect(log.append(batchOf(['{"n":3}']))).rejects.toMatchObject({
      code: 'MR_STORAGE_FAILED',
    });
  });
});
