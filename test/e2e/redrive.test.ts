import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const pipeline = (n: string, more = '') => `
import { field as f, lookup, stream } from 'millrace';
export const events = stream('events', {
  fields: { id: f.int(), n: ${n} }, invalid: 'deadletter', table: { every: '1s' }, ${more}
});
export const by_id = lookup('by_id', { from: events, key: 'id' });
`;
const NARROW = pipeline('f.int().max(10)');
const WIDE = pipeline('f.int().max(1000)');

const send = async (to: RunningPipeline, body: string) =>
  (await (await to.post('/v1/streams/events/records', body)).json()) as { accepted: number };
const rows = (from: number, count: number, n: (id: number) => unknown) =>
  Array.from({ length: count }, (_, index) =>
    JSON.stringify({ id: from + index, n: n(from + index) }),
  ).join('\n');
const COUNTS = 'select count(*), count(distinct id) from lake.events';
const letters = async (at: RunningPipeline) =>
  (await at.sql('select count(*) from deadletters.events'))[0]?.[0];
const redrive = async (folder: string, ...words: string[]) => {
  const done = await millrace(['redrive', 'events', '--pipeline', folder, '--json', ...words]);
  return { code: done.code, ...(JSON.parse(done.out.trim().split('\n')[0] as string) as object) };
};

test('letters are sent again after a fix: what is taken is stored once and no letter any more, the rest stays with its reason', async () => {
  const folder = temporaryFolder();
  const first = await startPipeline(folder, NARROW);
  expect(
    (
      await send(
        first,
        rows(0, 100, (id) => (id % 2 ? 500 : 5)),
      )
    ).accepted,
  ).toBe(50);
  await send(first, '{"id":1000,"n":"text"}\nno json\n{"id":1001,"n":2000}');
  expect(await letters(first)).toBe('53');
  expect(await redrive(folder)).toMatchObject({ code: 1, redriven: 0, refused: 53 });
  expect(await letters(first)).toBe('53');
  await first.stop();
  const second = await startPipeline(folder, WIDE);
  expect(await redrive(folder, '--where', 'false')).toMatchObject({ code: 0, redriven: 0 });
  expect(await redrive(folder, '--where', 'record like \'%"id":1,%\'')).toMatchObject({
    code: 0,
    redriven: 1,
    refused: 0,
  });
  expect(await redrive(folder)).toMatchObject({ code: 1, redriven: 49, refused: 3 });
  expect(await second.sql(COUNTS)).toEqual([['100', '100']]);
  const left = `select code, field, record, producer, _arrived_at is not null from deadletters.events order by 1, 2`;
  const rest = [
    ['MR_FIELD_RULE', 'n', '{"id":1001,"n":2000}', null, true],
    ['MR_FIELD_TYPE', 'n', '{"id":1000,"n":"text"}', null, true],
    ['MR_RECORD_SYNTAX', null, 'no json', null, true],
  ];
  expect(await second.sql(left)).toEqual(rest);
  expect(await second.sql('select records from sys.dead_letters')).toEqual([['3']]);
  await second.kill();
  const third = await startPipeline(folder, undefined);
  expect(await third.sql(left)).toEqual(rest);
  expect(await third.sql('select dead_letters from sys.streams')).toEqual([['3']]);
}, 90_000);

test('a redrive that is killed and begun again stores no record twice', async () => {
  const folder = temporaryFolder();
  const first = await startPipeline(folder, NARROW);
  await send(
    first,
    rows(0, 4000, () => 500),
  );
  await first.stop();
  const second = await startPipeline(folder, WIDE);
  const broken = second.post('/v1/streams/events/redrive', '{}').catch(() => undefined);
  await eventually(async () => {
    const [[count] = []] = await second.sql('select count(*) from lake.events');
    return Number(count) > 300 ? true : undefined;
  });
  await second.kill();
  await broken;
  const third = await startPipeline(folder, undefined);
  expect(await redrive(folder)).toMatchObject({ code: 0, refused: 0 });
  expect(await third.sql(COUNTS)).toEqual([['4000', '4000']]);
  expect(await letters(third)).toBe('0');
}, 90_000);

test('letters of lookups are left alone: their records are in the stream', async () => {
  const folder = temporaryFolder();
  const source = pipeline('f.int()').replace('id: f.int()', 'id: f.string()');
  const running = await startPipeline(folder, source);
  await send(running, JSON.stringify({ id: 'x'.repeat(2000), n: 1 }));
  await eventually(async () => ((await letters(running)) === '1' ? true : undefined));
  expect(await redrive(folder)).toMatchObject({ code: 0, redriven: 0, ofLookups: 1 });
  expect(await running.sql('select count(*) from lake.events')).toEqual([['1']]);
});

test.each([
  [['--where', 'nothing = 1'], 'nothing'],
  [['--where', '1=1) or (select 1'], ''],
])(
  'a wrong condition (%j) is refused with what is wrong, and nothing is sent',
  async (words, message) => {
    const folder = temporaryFolder();
    const running = await startPipeline(folder, NARROW);
    await send(running, '{"id":1,"n":50}');
    const done = await millrace(['redrive', 'events', '--pipeline', folder, ...words]);
    expect(done.code).toBe(1);
    expect(done.err).toContain(message);
    expect(await letters(running)).toBe('1');
  },
);

test('a letter says who sent it', async () => {
  const folder = temporaryFolder();
  const running = await startPipeline(folder, NARROW, { mode: 'start' });
  const created = await millrace([
    'keys',
    'create',
    '--role',
    'producer',
    '--pipeline',
    folder,
    '--json',
  ]);
  const { secret, id } = JSON.parse(created.out) as { secret: string; id: string };
  await running.post('/v1/streams/events/records', '{"id":1,"n":50}', {
    authorization: `Bearer ${secret}`,
  });
  const asked = await millrace([
    'query',
    'select producer from deadletters.events',
    '--format',
    'csv',
    '--pipeline',
    folder,
  ]);
  expect(asked.out).toContain(id);
});

test('a letter that was sent under a former name of a field is stored under the name of today', async () => {
  const folder = temporaryFolder();
  const first = await startPipeline(folder, NARROW);
  expect(await send(first, '{"id":1,"n":500}')).toMatchObject({ accepted: 0 });
  await first.stop();
  const renamed = WIDE.replace('n: f.int().max(1000)', "total: f.long().renamedFrom('n')");
  const second = await startPipeline(folder, renamed);
  expect(await redrive(folder)).toMatchObject({ code: 0, redriven: 1 });
  expect(await second.sql('select id, total from events')).toEqual([[1, '500']]);
});
