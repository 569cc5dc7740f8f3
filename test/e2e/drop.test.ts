import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace, startPipeline } from '../support/pipeline.ts';

const IMPORTS = "import { field as f, lookup, model, sql, stream } from 'millrace';\n";
const KEPT = "export const kept = stream('kept', { fields: { n: f.int() } });\n";
const OLD = `
export const old = stream('old', { fields: { id: f.string(), n: f.int() }, invalid: 'deadletter' });
export const by_id = lookup('by_id', { from: old, key: 'id' });
export const totals = model('totals', { sql: sql\`select id, sum(n) as n from \${old} group by all\`, schedule: 'manual' });
`;

interface Part {
  readonly what: string;
  readonly bytes: number | null;
  readonly entries: number | null;
}

async function drop(folder: string, name: string, ...args: string[]) {
  const { code, out, err } = await millrace([
    'drop',
    name,
    '--pipeline',
    folder,
    '--json',
    ...args,
  ]);
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; [member: string]: unknown });
  return { code, err, events, last: events.at(-1), parts: events[0]?.['parts'] as Part[] };
}

const write = (folder: string, source: string) =>
  writeFileSync(join(folder, 'pipeline.ts'), IMPORTS + source);
const diskBytes = (folder: string) =>
  Number(execFileSync('du', ['-sb', folder]).toString().split('\t')[0]);

test('`drop` removes what a removed definition left, while it runs and while nothing does, and frees the disk', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, IMPORTS + KEPT + OLD);
  const records = Array.from({ length: 5000 }, (_, n) => JSON.stringify({ id: `id-${n}`, n }));
  await pipeline.post('/v1/streams/old/records', records.join('\n'));
  await pipeline.post('/v1/streams/old/records', '{"id":1}');
  await pipeline.post('/v1/streams/kept/records', '{"n":1}');
  await millrace(['run', 'totals', '--pipeline', folder]);
  await eventually(async () => {
    const page = await fetch(`${pipeline.url}/v1/lookups/by_id/id-4999`);
    return page.status === 200 ? true : undefined;
  });

  const defined = await drop(folder, 'old', '--yes');
  expect([defined.code, defined.last?.['code']]).toEqual([1, 'MR_PLAN_DEFINED']);
  expect(defined.err).toMatch(/'old' is a stream of the pipeline/);

  write(folder, KEPT);
  await pipeline.waitFor('reloaded');
  const { out } = await millrace(['plan', folder]);
  expect(out).toBe('- removed  stream old: its data is kept; `millrace drop old` removes it\n');

  const before = diskBytes(join(folder, '.millrace'));
  const asked = await drop(folder, 'old');
  expect([asked.code, asked.last?.['code']]).toEqual([1, 'MR_COMMAND_USAGE']);
  expect(asked.err).toMatch(/Nothing was removed.*--yes/);
  expect(asked.parts.map(({ what }) => what)).toEqual([
    'stream old',
    'dead letters of old',
    'table lake.old',
  ]);

  const dropped = await drop(folder, 'old', '--yes');
  expect([dropped.code, dropped.last]).toEqual([
    0,
    { event: 'done', dropped: 'old', parts: asked.parts },
  ]);
  const freed = asked.parts.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  expect(freed).toBeGreaterThan(100_000);
  expect(before - diskBytes(join(folder, '.millrace'))).toBeGreaterThan(freed * 0.9);
  for (const place of ['streams', 'deadletters', 'lake/lake'])
    expect(readdirSync(join(folder, '.millrace', place)), place).not.toContain('old');
  expect((await millrace(['plan', folder])).out).toMatch(/^No changes/);
  expect(await pipeline.sql('select n from lake.kept')).toEqual([[1]]);

  const again = await drop(folder, 'old', '--yes');
  expect([again.code, again.last?.['code']]).toEqual([1, 'MR_PLAN_UNKNOWN']);
  expect(again.err).toMatch(/Removed definitions with data are: by_id, totals\./);
  expect(await pipeline.stop()).toBe(0);

  const model = await drop(folder, 'totals', '--yes');
  expect([model.code, model.parts]).toEqual([
    0,
    [
      { what: 'table warehouse.totals', bytes: expect.any(Number), entries: null },
      { what: 'runs of totals', bytes: null, entries: 1 },
    ],
  ]);
  expect(existsSync(join(folder, '.millrace/lake/warehouse/totals'))).toBe(false);
  const lookup = await drop(folder, 'by_id', '--yes');
  expect(lookup.parts).toEqual([{ what: 'lookup by_id', bytes: null, entries: 5000 }]);
  expect((await drop(folder, 'by_id', '--yes')).err).toMatch(/with data are: none\./);

  const back = await startPipeline(folder, IMPORTS + KEPT + OLD);
  expect(await back.sql('select * from lake.old'), 'it begins anew').toEqual([]);
  await back.post('/v1/streams/old/records', '{"id":"a","n":1}');
  await eventually(async () => {
    const page = await fetch(`${back.url}/v1/lookups/by_id/a`);
    return page.status === 200 ? true : undefined;
  });
  expect((await fetch(`${back.url}/v1/lookups/by_id/id-1`)).status).toBe(404);
  expect(await back.stop()).toBe(0);
});

test('a person on a terminal is asked, and types the name', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, IMPORTS + KEPT + OLD);
  expect(await pipeline.stop()).toBe(0);
  write(folder, KEPT);
  const typed = (answer: string) => {
    const words = `'${process.execPath}' bin/millrace.js drop old --pipeline '${folder}'`;
    const script = `import pty, os, sys
pid, fd = pty.fork()
if pid == 0: os.execvp('sh', ['sh', '-c', sys.argv[1]])
text = b''
while True:
    try: part = os.read(fd, 1024)
    except OSError: break
    if not part: break
    text += part
    if b'to remove it: ' in text and sys.argv[2]:
        os.write(fd, sys.argv[2].encode() + b'\\n'); sys.argv[2] = ''
sys.stdout.write(text.decode()); sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
    try {
      return { code: 0, text: execFileSync('python3', ['-c', script, words, answer]).toString() };
    } catch (error) {
      const { status, stdout } = error as { status: number; stdout: Buffer };
      return { code: status, text: stdout.toString() };
    }
  };
  expect(typed('yes')).toMatchObject({
    code: 1,
    text: expect.stringMatching(/Nothing was removed/),
  });
  expect(existsSync(join(folder, '.millrace/streams/old'))).toBe(true);
  expect(typed('old')).toMatchObject({ code: 0, text: expect.stringMatching(/dropped old/) });
  expect(existsSync(join(folder, '.millrace/streams/old'))).toBe(false);
});
