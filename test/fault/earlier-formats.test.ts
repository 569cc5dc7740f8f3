import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { batchOf, LOG_SETTINGS, readAll, storeOn } from '../support/stream.ts';

const GOLDEN = fileURLToPath(new URL('golden', import.meta.url));
const files = nodeFileSystem();
/** An hour after the folder was written. */
const clock = { now: () => 1_763_003_600_000, after: () => () => {} };

test('R11: a log that 0.1.0 wrote before descriptions had checksums is opened, read and appended to', async () => {
  const folder = temporaryFolder();
  cpSync(join(GOLDEN, 'log-0.1.0'), folder, { recursive: true });
  const before = JSON.parse(readFileSync(join(folder, 'sales/stream.json'), 'utf8'));
  expect(before).not.toHaveProperty('crc');
  const schema = before.schemas.at(-1);
  const log = await storeOn(files, folder, { clock }).open({ ...LOG_SETTINGS, schema });
  expect(log.epoch).toBe(before.epoch);
  expect(log.schemas.map(({ version }) => version)).toEqual([1, 2]);
  expect(await log.answered('k', 'h')).toBe('{"accepted":2}');
  await log.append(batchOf(['{"n":6,"m":"y"}']));
  const { records, damage } = await readAll(log, files);
  expect([...damage, ...log.status().damaged]).toEqual([]);
  expect(records.map(({ line }) => (JSON.parse(line) as { n: number }).n)).toEqual([
    0, 1, 2, 3, 4, 5, 6,
  ]);
  await log.close();
});

test('R11: a log of a format to come is refused by name, and nothing of it is touched', async () => {
  const folder = temporaryFolder();
  cpSync(join(GOLDEN, 'log-0.1.0'), folder, { recursive: true });
  const path = join(folder, 'sales/stream.json');
  const text = readFileSync(path, 'utf8').replace('"format": 1', '"format": 4');
  writeFileSync(path, text);
  await expect(storeOn(files, folder, { clock }).open(LOG_SETTINGS)).rejects.toMatchObject({
    code: 'MR_STORAGE_FORMAT',
    message: expect.stringContaining(path),
  });
  expect(readFileSync(path, 'utf8')).toBe(text);
  expect(existsSync(join(folder, 'sales/stream.copy.json'))).toBe(false);
});
