import { expect, test } from 'vitest';
import { eventually, type RunningPipeline } from '../support/pipeline.ts';
import { runJava } from './java.ts';
import { keyOf } from './payloads.ts';
import { DEFINED, numbers, sorted, startMillrace } from './subjects.ts';

const RECORDS = 1200;
const KEYS = 40;

async function expectInSql(running: RunningPipeline): Promise<void> {
  const rows = await running.sql(`select key, n from records.${DEFINED} order by n`);
  expect(rows).toEqual(numbers(RECORDS).map((n) => [keyOf(n, KEYS), n]));
  const delivered = `select count(*), count(distinct n) from lake.${DEFINED}`;
  await eventually(async () => {
    const [[all, distinct] = []] = await running.sql(delivered);
    return all === `${RECORDS}` && distinct === all ? true : undefined;
  });
}

test('rows that Java puts to a delivery stream are in SQL and in its table, each once', async () => {
  const running = await startMillrace();
  const acknowledged = await runJava<{ n: number; recordId: string }>('FirehoseProducer', {
    ...{ endpoint: running.url, stream: DEFINED, records: RECORDS, keys: KEYS },
  });
  expect(sorted(acknowledged.map(({ n }) => n))).toEqual(numbers(RECORDS));
  expect(new Set(acknowledged.map(({ recordId }) => recordId)).size).toBe(RECORDS);
  await expectInSql(running);
});

test('rows that Java puts to a stream are in SQL and in its table, each once', async () => {
  const running = await startMillrace();
  await runJava('Producer', {
    ...{ endpoint: running.url, stream: DEFINED, form: 'json', records: RECORDS, keys: KEYS },
    ...{ client: 'async', call: 'PutRecords' },
  });
  await expectInSql(running);
});
