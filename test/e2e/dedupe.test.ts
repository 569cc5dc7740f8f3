import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const pipeline = (options: string, id = 'f.string().optional()') => `
import { field as f, stream } from 'millrace';
export const events = stream('events', {
  fields: { event_id: ${id}, n: f.int() }, ${options}, table: { every: '1s' },
});
`;
const DEDUPE = "dedupe: { by: 'event_id', within: '1h' }";
const rows = (ids: readonly number[]) =>
  ids.map((id) => JSON.stringify({ event_id: `e${id}`, n: id })).join('\n');
const range = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => from + index);
const COUNTS = 'select count(*), count(distinct event_id) from lake.events';

interface Answer {
  readonly accepted: number;
  readonly duplicate: readonly number[];
  readonly rejected: readonly { index: number }[];
}

async function send(to: RunningPipeline, body: string): Promise<Answer & { status: number }> {
  const response = await to.post('/v1/streams/events/records', body);
  return { status: response.status, ...((await response.json()) as Answer) };
}

test('a record that came before is a duplicate: in one request, in the next, after a crash; refused ones keep their place', async () => {
  const folder = temporaryFolder();
  const first = await startPipeline(folder, pipeline(DEDUPE));
  const mixed = [rows([1, 2]), '{"event_id":"e3"}', rows([2, 4]), '{"n":5}', '{"n":5}'].join('\n');
  expect(await send(first, mixed)).toMatchObject({
    status: 200,
    accepted: 5,
    duplicate: [3],
    rejected: [{ index: 2 }],
  });
  expect(await send(first, rows([4, 1]))).toMatchObject({
    status: 200,
    accepted: 0,
    duplicate: [0, 1],
  });
  await first.kill();
  const second = await startPipeline(folder, undefined);
  expect(await send(second, `[${rows([2, 6]).replace('\n', ',')}]`)).toMatchObject({
    accepted: 1,
    duplicate: [0],
  });
  expect(await second.sql(COUNTS)).toEqual([['6', '4']]);
}, 60_000);

test('producers that send everything again and again, at once, over a crash, leave each record once', async () => {
  const folder = temporaryFolder();
  let running = await startPipeline(folder, pipeline(`${DEDUPE}, shards: 3`));
  const all = range(0, 6000);
  const produce = async (offset: number): Promise<void> => {
    for (let at = 0; at < all.length; at += 300) {
      const ids = range((at + offset) % all.length, 300).map((id) => id % all.length);
      await send(running, rows(ids)).catch(() => undefined);
    }
  };
  const killed = new Promise<void>((resolve) => setTimeout(resolve, 150)).then(() =>
    running.kill(),
  );
  await Promise.all([killed, ...[0, 150, 2000, 2100].map(produce)]);
  running = await startPipeline(folder, undefined);
  await Promise.all([0, 150, 2000, 2100].map(produce));
  expect(await running.sql(COUNTS)).toEqual([['6000', '6000']]);
}, 90_000);

test('an id is new again once its time has passed', async () => {
  const running = await startPipeline(
    temporaryFolder(),
    pipeline("dedupe: { by: 'event_id', within: '1s' }"),
  );
  expect((await send(running, rows([1]))).accepted).toBe(1);
  expect((await send(running, rows([1]))).accepted).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect((await send(running, rows([1]))).accepted).toBe(1);
});

test.each([
  ['f.long()', ['1', '"1"'], ['9007199254740993', '9007199254740992', '-1', '0']],
  [
    'f.uuid()',
    ['"0b4f0f8e-4f3b-4a9e-9c7e-000000000001"', '"0B4F0F8E-4F3B-4A9E-9C7E-000000000001"'],
    ['"0b4f0f8e-4f3b-4a9e-9c7e-000000000002"', '"0b4f0f8e-4f3b-4a9e-9c7e-000000000003"'],
  ],
  ['f.string()', ['"a/b"', String.raw`"a\/b"`], ['"a"', '"A"', '"a "', '""', '"1"', '"1.0"']],
])(
  'of %s one value is one id however it is written, and others are others',
  async (id, same, others) => {
    const running = await startPipeline(temporaryFolder(), pipeline(DEDUPE, id));
    const body = (ids: readonly string[]) =>
      ids.map((text) => `{"event_id":${text},"n":1}`).join('\n');
    const written = await send(running, body(same));
    expect(written.rejected).toEqual([]);
    expect(written.accepted).toBe(1);
    expect((await send(running, body(others))).accepted).toBe(others.length);
  },
);

test('an import says how many of its rows were there already', async () => {
  const folder = temporaryFolder();
  const running = await startPipeline(folder, pipeline(DEDUPE));
  await send(running, rows([1, 2]));
  const file = join(folder, 'events.csv');
  writeFileSync(file, 'event_id,n\ne1,1\ne2,2\ne3,3\n');
  const done = await millrace(['import', 'events', file, '--pipeline', folder]);
  expect(done.code, done.err).toBe(0);
  expect(done.out + done.err).toContain('3 rows read, 1 stored, 0 rejected, 2 there already');
});

test.each([
  ["dedupe: { by: 'nothing', within: '1h' }", "'nothing', which is no field"],
  ["dedupe: { by: 'event_id' }", 'dedupe.within'],
  ["dedupe: { by: 'event_id', within: '30d' }", 'longer than `retention`'],
  ["dedupe: { by: 'event_id', within: '1h', size: 5 }", 'no option `size`'],
])('the definition %s is refused with what is wrong', async (options, message) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'pipeline.ts'), pipeline(options));
  const done = await millrace(['plan', '--pipeline', folder]);
  expect(done.code).toBe(1);
  expect(done.err + done.out).toContain(message);
});
