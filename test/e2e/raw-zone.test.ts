import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

/** The log is closed in parts of an eighth of what may stay, and looked after once a minute. */
const LOOKED_AFTER_MS = 90_000;
const pipeline = (to: string) => `
import { field as f, lookup, stream } from 'millrace';
export const events = stream('events', {
  fields: { id: f.string(), n: f.int() }, key: 'id', shards: 2,
  retention: { maxBytes: '400KB' }, raw: { to: '${to}', keep: '1y' }, table: false,
});
export const by_id = lookup('by_id', { from: events, key: 'id' });
`;
const BATCHES = 40;
const PER_BATCH = 500;
const ALL = BATCHES * PER_BATCH;

async function sendAll(running: RunningPipeline): Promise<void> {
  for (let batch = 0; batch < BATCHES; batch++) {
    const lines = Array.from({ length: PER_BATCH }, (_, index) => batch * PER_BATCH + index);
    const body = lines.map((n) => JSON.stringify({ id: `customer ${n % 777}`, n })).join('\n');
    expect((await running.post('/v1/streams/events/records', body)).status).toBe(200);
  }
}

const status = async (running: RunningPipeline) => {
  const [row = []] = await running.sql(
    "SELECT raw_segments, raw_bytes, segments, records FROM sys.streams WHERE name = 'events'",
  );
  const [rawSegments = 0, rawBytes = 0, segments = 0, records = 0] = row.map(Number);
  return { rawSegments, rawBytes, segments, records };
};

const read = async (running: RunningPipeline) => {
  const response = await fetch(`${running.url}/v1/streams/events/records?from=earliest`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return { code: response.status, lines };
};

const numbersOf = (lines: readonly string[]) =>
  lines
    .map((line) => (JSON.parse(line) as { record: { n: number } }).record.n)
    .sort((a, b) => a - b);

const UNPACKED = `
import io, pathlib, sys, zstandard
for path in sorted(pathlib.Path(sys.argv[1]).rglob('*.ndjson.zst')):
    with open(path, 'rb') as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as lines:
        for line in io.TextIOWrapper(lines):
            if line.startswith('{'): print(line, end='')
`;

test('what retention ends goes to the raw zone: it is read, replayed and unpacked by others from there', async () => {
  const folder = temporaryFolder();
  const raw = join(folder, 'raw');
  let running = await startPipeline(folder, pipeline('raw'));
  await sendAll(running);
  const after = await eventually(async () => {
    const now = await status(running);
    return now.rawSegments > 5 && now.segments < now.rawSegments ? now : undefined;
  }, LOOKED_AFTER_MS);
  expect(after.records).toBe(ALL);
  const here = readdirSync(join(folder, '.millrace', 'streams', 'events'));
  expect(here).not.toContain('0000000000000000.ndjson');

  const everything = Array.from({ length: ALL }, (_, n) => n);
  expect(numbersOf((await read(running)).lines)).toEqual(everything);
  const unpacked = (await runPython(UNPACKED, [raw])).split('\n').filter((line) => line !== '');
  const stored = unpacked.map((line) => (JSON.parse(line) as { n: number }).n);
  expect(new Set(stored).size).toBe(stored.length);
  expect(stored.length).toBeGreaterThan(ALL / 2);

  await running.kill();
  running = await startPipeline(folder, undefined);
  expect(numbersOf((await read(running)).lines)).toEqual(everything);
  const replayed = await millrace(['replay', 'events', '--to', 'by_id', '--pipeline', folder]);
  expect(replayed).toMatchObject({ code: 0 });
  const found = await fetch(`${running.url}/v1/lookups/by_id/customer%205`);
  expect(await found.json()).toMatchObject({ n: 777 * 25 + 5 });

  renameSync(raw, `${raw}-away`);
  await running.kill();
  running = await startPipeline(folder, undefined);
  const refused = await read(running);
  expect(existsSync(raw)).toBe(false);
  expect(refused.code).toBe(503);
  expect(refused.lines.join()).toMatch(/MR_RAW_UNAVAILABLE.*raw: ENOENT/);
  expect((await running.post('/v1/streams/events/records', '{"id":"a","n":1}')).status).toBe(200);
  renameSync(`${raw}-away`, raw);
  expect((await read(running)).lines.length).toBe(ALL + 1);
}, 240_000);

test('a place that cannot be is refused with what is wrong, and what runs goes on', async () => {
  const folder = temporaryFolder();
  await expect(startPipeline(folder, pipeline('.millrace/raw'))).rejects.toThrow(
    /raw\.to '\.millrace\/raw' is in the data folder/,
  );
  const running = await startPipeline(folder, pipeline('raw'));
  writeFileSync(join(folder, 'pipeline.ts'), pipeline('.millrace/cache/raw'));
  const told = await eventually(() =>
    running.events.find(({ code }) => code === 'MR_DEFINITION_INVALID'),
  );
  expect(told['message']).toMatch(/raw\.to '\.millrace\/cache\/raw' is in the data folder/);
  expect((await running.post('/v1/streams/events/records', '{"id":"a","n":1}')).status).toBe(200);
}, 60_000);
