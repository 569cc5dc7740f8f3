import { expect, test } from 'vitest';
import { askSql, sendTo, startApp } from '../support/app.ts';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';

const SEED = Number(process.env['PROPERTY_SEED'] ?? 20261121);

const PIPELINE = `
import { day, field as f, stream } from 'millrace';
export const readings = stream('readings', {
  fields: { id: f.long(), sensor: f.string(), value: f.decimal(12, 3), at: f.timestamp() },
  key: 'sensor', shards: 3, table: { partitionBy: [day('at')], every: '1h' },
});
`;

const rowOf = (id: number) => ({
  id,
  sensor: `s${id % 17}`,
  value: `${id}.125`,
  at: `2026-01-0${1 + (id % 5)}T00:00:00`,
});

test(`a query sees every record acknowledged before it began, each once, whenever deliveries come (seed ${SEED})`, async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const random = seededRandom(SEED);
  const delivery = app.current?.stream('readings').delivery;
  let sent = 0;
  let acknowledged = 0;
  let stop = false;
  const produce = async () => {
    while (!stop) {
      const rows = Array.from({ length: 1 + Math.floor(random() * 200) }, () => rowOf(sent++));
      await sendTo(app, 'readings', rows);
      acknowledged += rows.length;
    }
  };
  const deliver = async () => {
    while (!stop) {
      await new Promise((resolve) => setTimeout(resolve, random() * 60));
      await delivery?.deliverNow();
    }
  };
  const ask = async () => {
    for (let round = 0; round < 60; round++) {
      const before = acknowledged;
      const [row] = await askSql(
        app,
        'select count(*), count(distinct id), min(id), max(id), sum(value) from lake.readings',
      );
      const [count, distinct, min, max, total] = (row as string[]).map(Number) as [
        number,
        number,
        number,
        number,
        number,
      ];
      expect(distinct, 'no row is there twice').toBe(count);
      expect(count, 'nothing acknowledged is missing').toBeGreaterThanOrEqual(before);
      expect(count, 'nothing is there that was not sent').toBeLessThanOrEqual(sent);
      if (count > 0)
        expect([min, max, total], 'the rows are the first ones, without gaps').toEqual([
          0,
          count - 1,
          (count * (count - 1)) / 2 + count * 0.125,
        ]);
    }
    stop = true;
  };
  await Promise.all([produce(), deliver(), ask()]);
  expect(delivery?.status().deliveries).toBeGreaterThan(5);
  const [places] = await askSql(
    app,
    'select count(*), count(distinct _sequence_number), min(_sequence_number), max(_sequence_number), count(distinct _shard) from records.readings',
  );
  expect(places).toEqual([String(sent), String(sent), '0', String(sent - 1), '3']);
});

test('a killed child is back within a second or so, and nothing acknowledged is missing or doubled', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const delivery = app.current?.stream('readings').delivery;
  let sent = 0;
  for (const name of ['engine', 'sql', 'worker', 'engine', 'sql']) {
    await sendTo(
      app,
      'readings',
      Array.from({ length: 500 }, () => rowOf(sent++)),
    );
    const delivering = delivery
      ?.deliverNow()
      .catch((error: { code: string }) => expect(error.code).toBe('MR_CHILD_FAILED'));
    const pid = app.children.find((child) => child.name === name)?.pid as number;
    process.kill(pid, 'SIGKILL');
    await sendTo(
      app,
      'readings',
      Array.from({ length: 500 }, () => rowOf(sent++)),
    );
    await delivering;
    const [row] = await askSql(app, 'select count(*), count(distinct id) from lake.readings').catch(
      async () => askSql(app, 'select count(*), count(distinct id) from lake.readings'),
    );
    expect(row, `after ${name} was killed`).toEqual([String(sent), String(sent)]);
  }
  await delivery?.deliverNow();
  expect(await askSql(app, 'select count(*), count(distinct id) from lake.readings')).toEqual([
    [String(sent), String(sent)],
  ]);
});
