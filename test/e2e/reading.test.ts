import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, startPipeline } from '../support/pipeline.ts';
import { Events, openReader, parseLines, readMetric } from '../support/reading.ts';

const FIELDS = 'id: f.int(), customer: f.string(), pad: f.string().optional()';
const pipelineOf = (fields = FIELDS) => `
import { field as f, stream } from 'millrace';
export const orders = stream('orders', { fields: { ${fields} }, key: 'customer', shards: 4, table: { every: '300ms' } });
export const spread = stream('spread', { fields: { n: f.int() }, shards: 2 });
`;
const PATH = '/v1/streams/orders/records';
const start = (folder = temporaryFolder(), source: string | undefined = pipelineOf()) =>
  startPipeline(folder, source);

async function send(url: string, from: number, count: number, pad = 0): Promise<void> {
  const rows = Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      id: from + index,
      customer: `c${(from + index) % 9}`,
      ...(pad ? { pad: 'x'.repeat(pad) } : {}),
    }),
  );
  const response = await fetch(`${url}${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: rows.join('\n'),
  });
  const { accepted } = (await response.json()) as { accepted: number };
  if (accepted !== count) throw new Error(`${accepted} of ${count} were accepted`);
}

const read = async (url: string, query = '', path = PATH) => {
  const response = await fetch(`${url}${path}?${query}`);
  if (response.status !== 200) throw new Error(await response.text());
  return parseLines(await response.text());
};
const sequences = async (url: string, query = '', path = PATH) =>
  (await read(url, query, path)).records.map(({ sequence }) => sequence);
const range = (from: number, until: number) =>
  Array.from({ length: until - from }, (_, index) => from + index);

describe('GET /v1/streams/{stream}/records', () => {
  test('from, until, shard, key and limit, alone and together, are what SQL says', async () => {
    const { url, sql, ...pipeline } = await start();
    await send(url, 0, 500);
    await send(url, 500, 300);
    const ask = async (where: string) =>
      (await sql(`select _sequence_number from records.orders where ${where} order by 1`)).map(
        ([number]) => Number(number),
      );
    const [[middle]] = (await sql(
      'select max(_arrived_at)::text from records.orders where _sequence_number >= 500',
    )) as [[string]];
    const time = (await read(url, 'from=500&limit=1')).records[0]?.arrivedAt as string;
    expect(new Date(middle).getTime()).toBeGreaterThan(0);
    const cases: [string, string][] = [
      ['', 'true'],
      ['from=earliest', 'true'],
      ['from=latest', 'false'],
      ['from=17&until=20', '_sequence_number between 17 and 19'],
      ['until=0', 'false'],
      ['from=800', 'false'],
      ['shard=2', '_shard = 2'],
      ['shard=0,3', '_shard in (0, 3)'],
      ['shard=0&shard=3&from=400', '_shard in (0, 3) and _sequence_number >= 400'],
      ['key=c4', "customer = 'c4'"],
      ['key=nobody', 'false'],
      ['key=c1&shard=1', "customer = 'c1' and _shard = 1"],
      [`from=${time}`, `_arrived_at >= '${time}'`],
      [`from=${time.replace('Z', '+00:00')}`, `_arrived_at >= '${time}'`],
      ['from=2000-01-01T00:00:00Z', 'true'],
      ['from=2999-01-01T00:00:00Z', 'false'],
    ];
    for (const [query, where] of cases) {
      const wanted = await ask(where);
      expect(await sequences(url, query), query).toEqual(wanted);
      expect(await sequences(url, `${query}&limit=7`), query).toEqual(wanted.slice(0, 7));
    }
    const { records } = await read(url, 'from=3&limit=1');
    expect(records[0]?.text).toMatch(/^\{"id":\d+,"customer":"c\d"\}$/);
    expect(await pipeline.stop()).toBe(0);
  });

  test('what is wrong is refused with the name of the parameter', async () => {
    const { url } = await start();
    await send(url, 0, 3);
    const refused = async (query: string, headers = {}, path = PATH) => {
      const response = await fetch(`${url}${path}?${query}`, { headers });
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      return `${response.status} ${error.code} ${error.message}`;
    };
    const cases: [string, RegExp][] = [
      ['from=yesterday', /^400 MR_REQUEST_INVALID Parameter 'from' must be 'earliest'/],
      ['from=2026-01-01T00:00:00', /Parameter 'from'/],
      ['from=-1', /Parameter 'from'/],
      [
        'from=4',
        /^400 MR_REQUEST_INVALID Stream 'orders' has no record 4 yet; the next one gets number 3/,
      ],
      ['from=2&until=1', /Parameter 'until' is 1/],
      ['until=x', /Parameter 'until'/],
      ['shard=4', /Parameter 'shard': stream 'orders' has no shard 4; its shards are 0, 1, 2, 3/],
      ['shard=a', /Parameter 'shard'/],
      ['limit=0', /Parameter 'limit'/],
      ['limit=1&limit=2', /Parameter 'limit' is there twice/],
      ['follow=yes', /Parameter 'follow' must be true or false/],
      ['form=1', /There is no parameter 'form'\. Parameters are: from, until/],
    ];
    for (const [query, message] of cases) expect(await refused(query), query).toMatch(message);
    expect(await refused('key=a', {}, '/v1/streams/spread/records')).toMatch(
      /^400 .*'key': stream 'spread' has no key field/,
    );
    expect(await refused('', {}, '/v1/streams/nothing/records')).toMatch(/^404 MR_PLAN_UNKNOWN/);
    expect(await refused('', { accept: 'text/html' })).toMatch(
      /^406 MR_REQUEST_ACCEPT .*application\/x-ndjson or text\/event-stream/,
    );
    const events = { accept: 'text/event-stream' };
    expect(await refused('follow=false', events)).toMatch(/'follow': server-sent events always/);
    expect(await refused('', { ...events, 'last-event-id': 'x' })).toMatch(/^400 .*Last-Event-ID/);
    expect(await refused('', { ...events, 'last-event-id': '3' })).toMatch(
      /^400 .*no record 4 yet/,
    );
    expect((await fetch(`${url}${PATH}`, { method: 'HEAD' })).status).toBe(405);
  });

  test('the Accept header chooses lines or events', async () => {
    const { url } = await start();
    await send(url, 0, 1);
    const typeFor = async (accept: string) => {
      const response = await openReader(`${url}${PATH}`, 'until=1', { accept });
      response.resume();
      return response.headers['content-type']?.split(';')[0];
    };
    expect(await typeFor('*/*')).toBe('application/x-ndjson');
    expect(await typeFor('application/*;q=0.5, text/event-stream;q=0.4')).toBe(
      'application/x-ndjson',
    );
    expect(await typeFor('text/event-stream, */*')).toBe('application/x-ndjson');
    expect(await typeFor('text/event-stream, */*;q=0.1')).toBe('text/event-stream');
    expect(await typeFor('text/event-stream')).toBe('text/event-stream');
    expect(await typeFor('application/jsonl')).toBe('application/x-ndjson');
  });

  test('follow=true goes on with new records, and ends when the server does', async () => {
    const pipeline = await start();
    const { url } = pipeline;
    await send(url, 0, 5);
    const response = await openReader(`${url}${PATH}`, 'from=3&follow=true');
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    const ended = new Promise((resolve) => response.on('end', resolve));
    const came = (count: number) =>
      eventually(() => (parseLines(text).records.length === count ? true : undefined));
    await came(2);
    for (let at = 5; at < 50; at += 5) await send(url, at, 5);
    await came(47);
    expect(parseLines(text).records.map(({ sequence }) => sequence)).toEqual(range(3, 50));
    expect(await pipeline.stop()).toBe(0);
    await ended;
    expect(response.complete, 'a clean end').toBe(true);
  });

  test('events resume by Last-Event-ID over restarts and kill -9 while records come in, without gap or double', async () => {
    const folder = temporaryFolder();
    const events = new Events();
    let sent = 0;
    for (let cycle = 0; cycle < 4; cycle++) {
      const pipeline = await start(folder, cycle === 0 ? pipelineOf() : undefined);
      await events.open(`${pipeline.url}${PATH}`, 'from=earliest');
      let alive = true;
      const sending = (async () => {
        while (alive) {
          await send(pipeline.url, sent, 7).catch((error: Error) => {
            if (alive) throw error;
          });
          sent += 7;
        }
      })();
      const before = events.records.length;
      await eventually(() => (events.records.length > before + 50 ? true : undefined));
      alive = false;
      if (cycle % 2 === 0) await pipeline.kill();
      else expect(await pipeline.stop()).toBe(0);
      await sending;
      await eventually(() => (events.isOpen ? undefined : true));
    }
    const pipeline = await start(folder, undefined);
    const [[count]] = (await pipeline.sql('select count(*) from records.orders')) as [[string]];
    await events.open(`${pipeline.url}${PATH}`, 'from=earliest');
    await eventually(() => (events.records.length >= Number(count) ? true : undefined));
    expect(events.records).toEqual(range(0, Number(count)));
    expect(events.named.filter((name) => name.startsWith('end'))).toEqual([
      'end {"end":{"reason":"stopping"}}',
      'end {"end":{"reason":"stopping"}}',
    ]);
  });

  test('events say why they end; what is over is 204 for a page that asks again', async () => {
    const { url } = await start();
    await send(url, 0, 10);
    const limited = new Events();
    await limited.open(`${url}${PATH}`, 'from=2&limit=3');
    await eventually(() => (limited.isOpen ? undefined : true));
    expect([limited.records, limited.named]).toEqual([
      [2, 3, 4],
      ['end {"end":{"reason":"limit"}}'],
    ]);
    const until = new Events();
    await until.open(`${url}${PATH}`, 'until=4');
    await eventually(() => (until.isOpen ? undefined : true));
    expect([until.records, until.lastEventId]).toEqual([[0, 1, 2, 3], '3']);
    await until.open(`${url}${PATH}`, 'until=4');
    expect(until.status).toBe(204);
  });

  test('fifty readers at once each get all records while they are written', async () => {
    const { url } = await start();
    await send(url, 0, 1000);
    const readers = await Promise.all(
      range(0, 50).map(async (index) => {
        const events = new Events();
        await events.open(`${url}${PATH}`, `from=${index}&until=3000`);
        return { events, from: index };
      }),
    );
    for (let at = 1000; at < 3000; at += 100) await send(url, at, 100);
    for (const { events, from } of readers) {
      await eventually(() => (events.isOpen ? undefined : true), 60_000);
      expect(events.records, `reader ${from}`).toEqual(range(from, 3000));
    }
    expect(await readMetric(url, 'millrace_readers')).toBe(0);
  });

  test('readers that take nothing hold bounded memory while writers go on', async () => {
    const { url, stop } = await start();
    const batch = 400;
    for (let at = 0; at < 30 * batch; at += batch) await send(url, at, batch, 4000);
    const stuck = await Promise.all(
      range(0, 20).map(async () => {
        const response = await openReader(`${url}${PATH}`, 'follow=true');
        response.pause();
        return response;
      }),
    );
    // What the log has is twice what all of them may hold.
    expect(30 * batch * 4000).toBeGreaterThan(20 * LIMITS.readerPieceBytesMax * 2);
    let most = 0;
    for (let at = 30 * batch; at < 60 * batch; at += batch) {
      await send(url, at, batch, 4000);
      most = Math.max(most, await readMetric(url, 'millrace_reader_buffered_bytes'));
    }
    await eventually(async () => {
      most = Math.max(most, await readMetric(url, 'millrace_reader_buffered_bytes'));
      return most > 0 ? true : undefined;
    }, 60_000);
    expect(await readMetric(url, 'millrace_readers')).toBe(20);
    expect(most).toBeLessThan(20 * (LIMITS.readerPieceBytesMax + 8 * 1024));
    const [reader] = stuck;
    let text = '';
    reader?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    reader?.resume();
    await eventually(() => (text.split('\n').length > 60 * batch ? true : undefined), 60_000);
    expect(parseLines(text).records.map(({ sequence }) => sequence)).toEqual(range(0, 60 * batch));
    const began = performance.now();
    expect(await stop()).toBe(0);
    expect(performance.now() - began, 'stuck readers hold up no end').toBeLessThan(
      LIMITS.drainDeadlineMs,
    );
    for (const response of stuck) response.destroy();
  });
});
