import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { smallDisk } from '../support/small-disk.ts';

const PIPELINE = `
import { field as f, lookup, model, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int(), text: f.string() }, table: { every: '1h' } });
export const by_id = lookup('by_id', { from: sales, key: 'id' });
export const counted = model('counted', { sql: sql\`select count(*) as n from \${sales}\`, schedule: 'manual' });
`;
const RECORDS = '/v1/streams/sales/records';

interface Answer {
  readonly accepted?: number;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Sends until it is refused; keeps the ids that were acknowledged. */
class Producer {
  readonly acknowledged: number[] = [];
  readonly #pipeline: RunningPipeline;
  #next = 0;

  constructor(pipeline: RunningPipeline) {
    this.#pipeline = pipeline;
  }

  async send(count: number, key?: string): Promise<{ status: number; answer: Answer }> {
    const ids = Array.from({ length: count }, () => this.#next++);
    const lines = ids.map((id) => JSON.stringify({ id, text: `${id} ${'x'.repeat(300)}` }));
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
    const response = await this.#pipeline.post(RECORDS, lines.join('\n'), headers);
    if (response.status === 200) this.acknowledged.push(...ids);
    return { status: response.status, answer: (await response.json()) as Answer };
  }
}

test('a full disk refuses records with 507, reads go on, and it resumes by itself; nothing acknowledged is lost', async (context) => {
  const folder = temporaryFolder();
  const disk = await smallDisk(folder, 96, onTestFinished);
  if (typeof disk === 'string') {
    console.warn(disk);
    return context.skip(disk);
  }
  const options = { via: disk.via, args: ['--data', join(disk.path, 'data')] };
  const pipeline = await startPipeline(folder, PIPELINE, options);
  const producer = new Producer(pipeline);
  const count = async (relation: string, of: RunningPipeline = pipeline) =>
    (await of.sql(`select count(*), count(distinct id) from ${relation}`))[0];
  const acknowledged = () => [
    String(producer.acknowledged.length),
    String(producer.acknowledged.length),
  ];
  await producer.send(1000);
  await eventually(async () => ((await count('lookups.by_id'))?.[0] === '1000' ? true : undefined));
  await eventually(async () =>
    (await fetch(`${pipeline.url}/v1/lookups/by_id/999`)).status === 200 ? true : undefined,
  );

  for (const cycle of ['filled by records', 'filled by others']) {
    disk.take(cycle === 'filled by records' ? 72 : undefined);
    let refused = await producer.send(500);
    for (let turn = 0; refused.status === 200 && turn < 500; turn++)
      refused = await producer.send(500);
    expect([refused.status, refused.answer], cycle).toEqual([
      507,
      { error: { code: 'MR_STORAGE_FULL', message: expect.stringMatching(/resumes by itself/) } },
    ]);
    disk.take();
    expect((await producer.send(100, 'keyed')).status).toBe(507);

    expect(await count('lake.sales'), 'all that was acknowledged, and nothing else').toEqual(
      acknowledged(),
    );
    expect(await count('lookups.by_id')).toEqual(acknowledged());
    const large = await pipeline.post('/v1/sql', '{"sql":"select * from range(200000)"}');
    expect(((await large.json()) as { rowCount: number }).rowCount).toBe(200_000);
    expect((await fetch(`${pipeline.url}/v1/lookups/by_id/7`)).status).toBe(200);
    for (const path of ['/healthz', '/readyz', '/metrics', '/v1/status'])
      expect((await fetch(`${pipeline.url}${path}`)).status, path).toBe(200);
    const run = await pipeline.post('/v1/models/counted/runs', '{}');
    const outcome = (await run.json()) as Answer & { readonly state?: string };
    // Its record may find a place in a file that is there already; its table cannot.
    expect(outcome.error?.code ?? outcome.state).toMatch(/^(MR_STORAGE_FULL|failed)$/);

    disk.free();
    const began = Date.now();
    await eventually(async () => ((await producer.send(10)).status === 200 ? true : undefined));
    expect(Date.now() - began, 'it resumes without a restart').toBeLessThan(5000);
    expect((await producer.send(1, `keyed ${cycle}`)).status).toBe(200);
    expect(await count('lake.sales')).toEqual(acknowledged());
    await eventually(async () => {
      const last = `${pipeline.url}/v1/lookups/by_id/${producer.acknowledged.at(-1)}`;
      return (await fetch(last)).status === 200 ? true : undefined;
    });
    expect(await (await pipeline.post('/v1/models/counted/runs', '{}')).json()).toMatchObject({
      state: 'succeeded',
    });
    expect(await pipeline.sql('select n from counted'), 'all of it is delivered too').toEqual([
      [acknowledged()[0]],
    ]);
  }

  const { processes } = (await (await fetch(`${pipeline.url}/v1/status`)).json()) as {
    processes: { name: string; restarts: number }[];
  };
  expect(processes.map(({ name, restarts }) => [name, restarts])).toEqual([
    ['main', 0],
    ['engine', 0],
    ['sql', 0],
    ['worker', 0],
  ]);
  expect(await pipeline.stop()).toBe(0);
  const again = await startPipeline(folder, undefined, options);
  expect(await count('lake.sales', again)).toEqual(acknowledged());
  expect(
    (await again.sql('select id from lake.sales order by id')).map(([id]) => id),
    'those and no others',
  ).toEqual(producer.acknowledged);
});
