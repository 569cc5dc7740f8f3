import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { FilesDelivery } from '../../src/deliver/embedded/files-delivery.ts';
import { FolderTarget } from '../../src/deliver/embedded/folder-target.ts';
import type { DeliverFilesRequest, DeliverFilesResult } from '../../src/engine/protocol.ts';
import { field as f, stream } from '../../src/index.ts';
import { readRuns } from '../../src/stream/run-reader.ts';
import type { StreamLog } from '../../src/stream/stream-store.ts';
import { type Fault, FaultFileSystem } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { batchOf, LOG_SETTINGS, storeOn } from '../support/stream.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? 7);
const ROUNDS = 4;
const PER_ROUND = 5;

/** Deliveries are asked for, never timed. */
const clock: Clock = { now: () => 1_000_000, after: () => () => {} };

/** `life`: a definition that was changed in between puts the same records under other names. */
async function openBoth(files: FileSystem, life: string, root = '/') {
  const { settings } = stream('sales', {
    fields: { n: f.int() },
    files: { to: join(root, 'out'), format: 'ndjson' },
  });
  const log = await storeOn(files, join(root, 'data'), { clock }).open(LOG_SETTINGS);
  if (!settings.files) throw new Error('the stream has no files');
  const delivery = await FilesDelivery.open({
    log,
    settings: settings.files,
    stream: {
      name: 'sales',
      schema: 'lake',
      fields: settings.fields,
      rest: false,
      schemas: log.schemas,
      columns: [],
    },
    write: (request) => writeLines(files, request, life),
    clock,
    logger: silentLogger,
    files,
    stateFile: join(root, 'data', 'sales-files.json'),
    targetAt: (place) => new FolderTarget(files, place),
  });
  return { log, delivery };
}

/** As the engine writes them: two files, durable, without their names. */
async function writeLines(
  files: FileSystem,
  { slices, from, until, folder, name }: DeliverFilesRequest,
  life: string,
): Promise<DeliverFilesResult> {
  const parts: [string[], string[]] = [[], []];
  for await (const run of readRuns(files, slices)) {
    const lines = run.bytes.toString().split('\n');
    for (let index = 0; index < run.count; index++) {
      const sequence = run.firstSequence + index;
      if (sequence >= from && sequence < until)
        parts[sequence % 2 ? 1 : 0].push(lines[index] ?? '');
    }
  }
  const staged = [];
  for (const [part, lines] of parts.entries()) {
    const path = join(folder, `${part}.unfinished`);
    await files.replaceFile(path, lines.join('\n'));
    staged.push({ path, name: `${life}=${part}/${name}`, rows: lines.length, isError: false });
  }
  return { files: staged.filter(({ rows }) => rows > 0), damage: [] };
}

async function linesBelow(files: FaultFileSystem, folder: string): Promise<string[]> {
  const lines: string[] = [];
  for (const { name, isFolder } of await files.list(folder)) {
    if (name === '.millrace') continue;
    const path = join(folder, name);
    if (isFolder) lines.push(...(await linesBelow(files, path)));
    else lines.push(...(await files.readFile(path)).toString().split('\n'));
  }
  return lines;
}

/** Sends and delivers until the end or the first error. Returns what was acknowledged. */
async function firstLife(files: FaultFileSystem): Promise<string[]> {
  const acknowledged: string[] = [];
  try {
    const { log, delivery } = await openBoth(files, 'first');
    for (let round = 0; round < ROUNDS; round++) {
      const lines = Array.from({ length: PER_ROUND }, (_, n) => `{"n":${round * PER_ROUND + n}}`);
      await log.append(batchOf(lines));
      acknowledged.push(...lines);
      await delivery.deliverNow();
    }
    await delivery.close();
    await log.close();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  return acknowledged;
}

async function play(fault: Fault | undefined) {
  const files = new FaultFileSystem(SEED + (fault?.call ?? 0));
  files.plan(fault);
  const acknowledged = await firstLife(files);
  const { calls } = files;
  files.cutPower();
  files.restart();
  const { log, delivery } = await openBoth(files, 'second');
  await delivery.deliverNow();
  const found = await linesBelow(files, '/out');
  await delivery.close();
  await log.close();
  const missing = acknowledged.filter((line) => !found.includes(line));
  const twice = found.filter((line, index) => found.indexOf(line) !== index);
  return { calls, missing, twice, count: found.length };
}

test.each(['error', 'full', 'short', 'cut', 'drop'] as const)(
  `whatever call to the disk ends with "%s", each record is in one file, once (seed ${SEED})`,
  async (kind) => {
    const { calls, ...whole } = await play(undefined);
    expect(whole).toEqual({ missing: [], twice: [], count: ROUNDS * PER_ROUND });
    for (let call = 1; call <= calls; call++) {
      const { missing, twice } = await play({ call, kind });
      expect({ call, missing, twice }).toEqual({ call, missing: [], twice: [] });
    }
  },
  60_000,
);

test('control: files without the note beside the log are delivered again, and that is seen', async () => {
  const files = new FaultFileSystem(SEED);
  await firstLife(files);
  await files.remove('/data/sales-files.json');
  const { delivery } = await openBoth(files, 'second');
  await delivery.deliverNow();
  expect(await linesBelow(files, '/out')).toHaveLength(2 * ROUNDS * PER_ROUND);
});

/** The data folder as it was, and files that went on: whatever the disk does to the delivery meanwhile. */
async function putBackAndGoOn(fault: Fault | undefined, hasNote: boolean) {
  const files = new FaultFileSystem(SEED + (fault?.call ?? 0));
  const lines = Array.from({ length: 4 * PER_ROUND }, (_, n) => `{"n":${n}}`);
  const send = (log: StreamLog, round: number) =>
    log.append(batchOf(lines.slice(round * PER_ROUND, (round + 1) * PER_ROUND)));
  const first = await openBoth(files, 'first');
  await send(first.log, 0);
  await first.delivery.deliverNow();
  await send(first.log, 1);
  const copied = new Map<string, Buffer>();
  for (const path of files.paths.filter((one) => one.startsWith('/data/')))
    copied.set(path, await files.readFile(path));
  files.plan(fault);
  try {
    await first.delivery.deliverNow();
    await send(first.log, 2);
    await first.delivery.deliverNow();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  const { calls } = files;
  files.cutPower();
  files.restart();
  await files.remove('/data');
  for (const [path, bytes] of copied) await files.replaceFile(path, bytes);
  if (!hasNote) {
    await files.remove('/out/.millrace');
    await files.makeFolder('/out/.millrace');
  }
  await storeOn(files, '/data', { clock }).putBack('sales');
  const second = await openBoth(files, 'second');
  await send(second.log, 3);
  await second.delivery.deliverNow();
  const found = await linesBelow(files, '/out');
  await second.delivery.close();
  await second.log.close();
  const isDue = (line: string) => !lines.slice(2 * PER_ROUND, 3 * PER_ROUND).includes(line);
  return {
    calls,
    missing: lines.filter((line) => isDue(line) && !found.includes(line)),
    twice: found.filter((line, index) => found.indexOf(line) !== index),
  };
}

test(`a log that was put back goes on behind its files, however the last batch ended (seed ${SEED})`, async () => {
  const { calls, ...whole } = await putBackAndGoOn(undefined, true);
  expect(whole).toEqual({ missing: [], twice: [] });
  expect(calls).toBeGreaterThan(20);
  for (const kind of ['error', 'cut', 'drop'] as const)
    for (let call = 1; call <= calls; call++) {
      const { missing, twice } = await putBackAndGoOn({ call, kind }, true);
      expect({ kind, call, missing, twice }).toEqual({ kind, call, missing: [], twice: [] });
    }
}, 60_000);

test('control: without the note in the target what was delivered since is there twice', async () => {
  const { twice } = await putBackAndGoOn(undefined, false);
  expect(twice).toHaveLength(PER_ROUND);
});

test('a target that had files and is not there is not made anew: nothing is delivered beside it', async () => {
  const root = temporaryFolder();
  const real = nodeFileSystem();
  const { log, delivery } = await openBoth(real, 'first', root);
  await log.append(batchOf(['{"n":1}']));
  await delivery.deliverNow();
  await real.rename(join(root, 'out'), join(root, 'elsewhere'));
  await log.append(batchOf(['{"n":2}']));
  await expect(delivery.deliverNow()).rejects.toThrow(/is missing. Is the disk of .* there/);
  expect(await real.exists(join(root, 'out')), 'what a disk would hide').toBe(false);
  await real.rename(join(root, 'elsewhere'), join(root, 'out'));
  await delivery.deliverNow();
  expect(delivery.status()).toMatchObject({ next: 2, lag: 0 });
  await delivery.close();
  await log.close();
});

test('a target whose disk is away is an error, and its records wait', async () => {
  const root = temporaryFolder();
  const real = nodeFileSystem();
  let isAway = true;
  const rename = async (from: string, to: string) => {
    if (isAway && to.startsWith(join(root, 'out'))) throw new Error('the disk is gone');
    return real.rename(from, to);
  };
  const { log, delivery } = await openBoth({ ...real, rename }, 'first', root);
  await log.append(batchOf(['{"n":1}']));
  await expect(delivery.deliverNow()).rejects.toThrow(/the disk is gone/);
  isAway = false;
  await real.rename(join(root, 'out'), join(root, 'elsewhere'));
  await expect(delivery.deliverNow()).rejects.toThrow(/is missing.*Is the disk of .* there/);
  expect(delivery.status()).toMatchObject({ next: 0, lag: 1 });
  await real.rename(join(root, 'elsewhere'), join(root, 'out'));
  await delivery.deliverNow();
  expect(delivery.status()).toMatchObject({ next: 1, lag: 0 });
  await delivery.close();
  await log.close();
});
