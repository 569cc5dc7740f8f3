import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { systemClock } from '../../src/core/clock.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { sendTo, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';
import { Events, openReader, parseLines, readMetric } from '../support/reading.ts';

const pipelineOf = (more = '') => `
import { field as f, stream } from 'millrace';
export const orders = stream('orders', { fields: { id: f.int(), customer: f.string()${more} }, key: 'customer', shards: 2, table: false });
export const other = stream('other', { fields: { id: f.int() }, table: false });
`;
const PATH = '/v1/streams/orders/records';
const rows = (from: number, count: number, pad = '') =>
  Array.from({ length: count }, (_, index) => ({
    id: from + index,
    customer: `c${(from + index) % 3}${pad}`,
  }));

/** A clock on which one of our delays is short. */
const hurried = (delayMs: number, toMs: number): Clock => ({
  now: () => systemClock.now(),
  after: (ms, action) => systemClock.after(ms === delayMs ? toMs : ms, action),
});

const DAY_MS = 24 * 3_600_000;

describe('Readers of a stream', () => {
  test('go on over a changed schema on the same connection, also with a filter', async () => {
    const folder = temporaryFolder();
    const app = await startApp(folder, pipelineOf());
    const [all, some] = [new Events(), new Events()];
    await all.open(`${app.address}${PATH}`, 'from=earliest');
    await some.open(`${app.address}${PATH}`, 'from=latest&key=c2&limit=4');
    await sendTo(app, 'orders', rows(0, 9));
    await eventually(() => (some.records.length === 3 ? true : undefined));
    writeFileSync(join(folder, 'pipeline.ts'), pipelineOf(', more: f.string().default("m")'));
    await app.reload();
    await sendTo(app, 'orders', rows(9, 9));
    await eventually(() => (all.records.length === 18 && !some.isOpen ? true : undefined));
    expect(all.records).toEqual(Array.from({ length: 18 }, (_, index) => index));
    expect(some.records, 'the limit holds over both').toHaveLength(4);
    expect(all.isOpen).toBe(true);
    const again = await (await fetch(`${app.address}${PATH}?key=c2&limit=4`)).text();
    expect(parseLines(again).records.map(({ sequence }) => sequence)).toEqual(some.records);
  });

  test('are told when their stream is no more', async () => {
    const folder = temporaryFolder();
    const app = await startApp(folder, pipelineOf());
    const events = new Events();
    await events.open(`${app.address}${PATH}`, '');
    const other =
      "export const other = stream('other', { fields: { id: f.int() }, table: false });";
    writeFileSync(
      join(folder, 'pipeline.ts'),
      `import { field as f, stream } from 'millrace';\n${other}`,
    );
    await app.reload();
    await eventually(() => (events.isOpen ? undefined : true));
    expect(events.named).toEqual(['end {"end":{"reason":"stream"}}']);
  });

  test('get heartbeats that say where to go on, behind what their filter passed over', async () => {
    const clock = hurried(LIMITS.readerHeartbeatMs, 50);
    const app = await startApp(temporaryFolder(), pipelineOf(), { clock });
    const events = new Events();
    await events.open(`${app.address}${PATH}`, 'key=nobody');
    await eventually(() => (events.named.includes('heartbeat') ? true : undefined));
    expect(events.lastEventId, 'an empty stream is resumed at its start').toBe('-1');
    await sendTo(app, 'orders', rows(0, 9));
    await eventually(() => (events.lastEventId === '8' ? true : undefined));
    expect(events.records).toEqual([]);
    const resumed = new Events();
    resumed.lastEventId = '-1';
    await resumed.open(`${app.address}${PATH}`, 'from=latest&until=9');
    await eventually(() => (resumed.isOpen ? undefined : true));
    expect(resumed.records).toHaveLength(9);
  });

  test('that take nothing are cut off after a while; one that takes goes on', async () => {
    const clock = hurried(LIMITS.readerStallMs, 300);
    const warned: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (_details: object, message: string) => warned.push(message),
    };
    const app = await startApp(temporaryFolder(), pipelineOf(), {
      clock,
      logger,
    });
    for (let at = 0; at < 16; at++)
      await sendTo(app, 'orders', rows(at * 500, 500, 'x'.repeat(2000)));
    const stuck = await openReader(`${app.address}${PATH}`, '');
    stuck.pause();
    const events = new Events();
    await events.open(`${app.address}${PATH}`, '');
    await eventually(async () =>
      (await readMetric(app.address, 'millrace_readers')) === 1 ? true : undefined,
    );
    expect(await readMetric(app.address, 'millrace_reader_buffered_bytes')).toBe(0);
    expect(warned).toEqual([expect.stringContaining('a reader took nothing for 60 s')]);
    await eventually(() => (events.records.length === 8000 ? true : undefined));
    const cut = new Promise((resolve) => stuck.on('error', resolve));
    stuck.resume();
    expect(await cut, 'what came does not look whole').toMatchObject({ code: 'ECONNRESET' });
  });

  test('are refused with Retry-After where there are too many', async () => {
    const app = await startApp(temporaryFolder(), pipelineOf());
    const open = await Promise.all(
      Array.from({ length: LIMITS.readersMax }, () =>
        openReader(`${app.address}${PATH}`, 'follow=true'),
      ),
    );
    expect(open.map(({ statusCode }) => statusCode)).toEqual(open.map(() => 200));
    const refused = await fetch(`${app.address}${PATH}`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({ error: { code: 'MR_OVERLOADED' } });
    open[0]?.destroy();
    await eventually(async () => ((await fetch(`${app.address}${PATH}`)).ok ? true : undefined));
    for (const one of open) one.destroy();
  });

  test('are told of what retention took: 410, with the oldest number', async () => {
    const folder = temporaryFolder();
    let now = Date.now();
    const clock: Clock = {
      now: () => now,
      after: (ms, action) => systemClock.after(ms === LIMITS.retentionCheckMs ? 50 : ms, action),
    };
    const app = await startApp(folder, pipelineOf(), { clock });
    await sendTo(app, 'orders', rows(0, 5));
    writeFileSync(join(folder, 'pipeline.ts'), pipelineOf(', more: f.string().optional()'));
    now += 6 * DAY_MS;
    await app.reload();
    await sendTo(app, 'orders', rows(5, 5));
    now += 2 * DAY_MS;
    const refused = await eventually(async () => {
      const response = await fetch(`${app.address}${PATH}?from=2`);
      return response.status === 200 ? void (await response.text()) : response;
    });
    expect(refused.status).toBe(410);
    expect(await refused.json()).toEqual({
      error: {
        code: 'MR_STREAM_EXPIRED',
        message: expect.stringContaining('Read on with from=earliest, or from=5'),
        oldest: '5',
      },
    });
    const text = await (await fetch(`${app.address}${PATH}?from=earliest`)).text();
    expect(parseLines(text).records[0]?.sequence).toBe(5);
  });
});
