import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import {
  CHECKPOINT_PROPERTY,
  checkpointText,
  parseCheckpoint,
} from '../../src/deliver/delivery.ts';
import { connect, openDatabase } from '../../src/engine/database.ts';
import { writeTableFiles } from '../../src/engine/table-files.ts';
import { scanSql } from '../../src/engine/table-scan.ts';
import { FileTableStore } from '../../src/lake/embedded/file-table-store.ts';
import { TableRegistry } from '../../src/lake/embedded/table-registry.ts';
import type { LakeTable } from '../../src/lake/table-store.ts';
import { openLookups, packEntry } from '../../src/lookup/embedded/lmdb-environment.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace } from '../support/pipeline.ts';
import { removePatiently } from '../support/remove-patiently.ts';
import { runPipeline } from '../support/running-pipeline.ts';

const PIPELINE = `
import { field as f, lookup, model, sql, stream } from 'millrace';
export const orders = stream('orders', { fields: { id: f.int(), customer: f.string(), price: f.double().optional() }, key: 'customer', shards: 2, invalid: 'deadletter', table: { every: '1h' } });
export const by_id = lookup('by_id', { from: orders, key: 'id' });
export const events = stream('events', { fields: { id: f.int() }, table: false });
export const last = lookup('last', { from: events, key: 'id' });
export const totals = model('totals', { sql: sql\`select customer, count(*) as n from \${orders} group by all\`, schedule: 'manual' });
`;

interface Found {
  readonly where: string;
  readonly kind: string;
  readonly text: string;
}

/** A stopped pipeline with 300 delivered orders and three events. */
let prepared = '';

beforeAll(async () => {
  prepared = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  const pipeline = await runPipeline(prepared, PIPELINE);
  for (const from of [0, 100, 200]) {
    const rows = Array.from({ length: 100 }, (_, index) => ({
      id: from + index,
      customer: `c${index % 5}`,
      ...(index % 3 === 0 ? {} : { price: index / 4 }),
    }));
    const body = rows.map((row) => JSON.stringify(row)).join('\n');
    await pipeline.post('/v1/streams/orders/records', body);
  }
  await pipeline.post('/v1/streams/orders/records', '{"id":"wrong"}');
  await pipeline.post('/v1/streams/events/records', '{"id":1}\n{"id":2}\n{"id":1}');
  await millrace(['run', 'totals', '--pipeline', prepared]);
  for (const stream of ['orders', 'events'])
    await eventually(async () => {
      const [row] = await pipeline.sql(
        `select lag from sys.consumers where consumer = 'lookups' and stream = '${stream}'`,
      );
      return row?.[0] === '0' ? true : undefined;
    });
  await pipeline.stop();
});
afterAll(() => removePatiently(prepared));

async function verified(folder: string, ...args: string[]) {
  const { code, out } = await millrace(['verify', ...args, '--pipeline', folder, '--json']);
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; [name: string]: unknown });
  const last = events.at(-1) as { event: string; [name: string]: unknown };
  return {
    code,
    last,
    differences: (last['differences'] ?? []) as Found[],
    told: events.filter(({ event }) => event === 'difference').length,
  };
}

/** A copy of the prepared pipeline with damage in it, and what is found. */
async function findingsOf(plant: (data: string) => Promise<void> | void) {
  const folder = temporaryFolder();
  cpSync(prepared, folder, { recursive: true });
  await plant(join(folder, '.millrace'));
  const found = await verified(folder);
  expect([found.code, found.told]).toEqual([1, found.differences.length]);
  return found.differences.map(({ where, kind, text }) => `${where} | ${kind} | ${text}`);
}

function dataFiles(data: string, table = 'lake/orders'): string[] {
  const folder = join(data, 'lake', table, 'data');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .map((name) => join(folder, name));
}

async function ordersTable(data: string): Promise<LakeTable> {
  const context = { files: nodeFileSystem(), clock: systemClock, logger: silentLogger };
  const registry = new TableRegistry(join(data, 'lake'), context);
  const table = await new FileTableStore(registry).find('lake', 'orders');
  if (!table) throw new Error('there is no table');
  return table;
}

/** Replaces all rows by those of a query over `rows`. */
async function rewrite(data: string, query: string): Promise<void> {
  const table = await ordersTable(data);
  const instance = await openDatabase({ memory: '500MB', scratch: data });
  const connection = await connect(instance);
  await connection.run(
    `CREATE TEMP TABLE rows AS ${await scanSql(connection, table.scan, table.columns)}`,
  );
  const files = await writeTableFiles(connection, query, table.target);
  connection.closeSync();
  instance.closeSync();
  await table.replace(files, {});
}

async function moveCheckpoint(data: string, by: number): Promise<void> {
  const table = await ordersTable(data);
  const checkpoint = parseCheckpoint(table.properties[CHECKPOINT_PROPERTY]);
  if (!checkpoint) throw new Error('there is no checkpoint');
  const text = checkpointText({ ...checkpoint, next: checkpoint.next + by });
  await table.append([], { [CHECKPOINT_PROPERTY]: text });
}

async function changeLookup(
  data: string,
  change: (database: ReturnType<ReturnType<typeof openLookups>['lookup']>) => Promise<unknown>,
): Promise<void> {
  const environment = openLookups(join(data, 'system/lookups.mdb'));
  await change(environment.lookup('by_id'));
  await environment.root.close();
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(path, bytes);
}

test('control: where nothing was damaged nothing differs, and it says what was read', async () => {
  const found = await verified(prepared);
  expect([found.code, found.differences]).toEqual([0, []]);
  expect(found.last['checked']).toEqual([
    { what: 'dead letters of events', records: 0 },
    { what: 'stream events', records: 3 },
    { what: 'dead letters of orders', records: 1 },
    { what: 'files of table lake.orders', files: expect.any(Number) },
    { what: 'table lake.orders', records: 300, rows: 300 },
    { what: 'stream orders', records: 0 },
    { what: 'files of table warehouse.totals', files: 1 },
    { what: 'lookup by_id', entries: 300 },
    { what: 'lookup last', entries: 2 },
  ]);
  const one = await verified(prepared, 'last');
  expect(one.last['checked']).toEqual([{ what: 'lookup last', entries: 2 }]);
  const none = await verified(prepared, 'nothing');
  expect([none.code, none.last['code']]).toEqual([1, 'MR_PLAN_UNKNOWN']);
});

describe('what was damaged is found and named:', () => {
  test('rows that are missing', async () => {
    const found = await findingsOf((data) =>
      rewrite(data, 'SELECT * FROM rows WHERE _sequence_number NOT IN (7, 20, 21, 22)'),
    );
    expect(found).toEqual([
      'table lake.orders | missing | in the log and not in the table: 4 numbers (7, 20 to 22)',
      expect.stringMatching(
        /^lookup by_id \| unknown \| with an entry and no row: 4 keys \((\[\d+\](, )?){4}\)$/,
      ),
    ]);
  });

  test('rows that are there twice', async () => {
    const found = await findingsOf((data) =>
      rewrite(
        data,
        'SELECT * FROM rows UNION ALL SELECT * FROM rows WHERE _sequence_number BETWEEN 40 AND 42',
      ),
    );
    expect(found).toEqual([
      'table lake.orders | doubled | in the table more than once: 3 numbers (40 to 42)',
    ]);
  });

  test('values that are others', async () => {
    const found = await findingsOf((data) =>
      rewrite(
        data,
        'SELECT * REPLACE (CASE WHEN _sequence_number = 9 THEN 1e9 ELSE price END AS price) FROM rows',
      ),
    );
    expect(found).toEqual([
      'table lake.orders | changed | with other values in the table than in the log: 1 number (9)',
      expect.stringMatching(/^lookup by_id \| changed \| .*: 1 key \(\[\d+\]\)$/),
    ]);
  });

  test('a checkpoint before what is there, and one beyond it', async () => {
    expect(await findingsOf((data) => moveCheckpoint(data, -10))).toEqual([
      'table lake.orders | beyond | in the table, but beyond its checkpoint, 290, and so to be written again: 10 numbers (290 to 299)',
    ]);
    const beyond = await findingsOf(async (data) => {
      await rewrite(data, 'SELECT * FROM rows WHERE _sequence_number < 290');
    });
    expect(beyond[0]).toMatch(/missing \| .*: 10 numbers \(290 to 299\)/);
  });

  test('one bit of the log', async () => {
    const found = await findingsOf((data) => {
      const folder = join(data, 'streams/orders');
      const name = readdirSync(folder).find((one) => one.endsWith('.ndjson')) as string;
      flip(join(folder, name), 200);
    });
    expect(found).toEqual([
      expect.stringMatching(
        /^stream orders \| damaged \| .*ndjson: bytes \d+ to \d+, records 0 to \d+$/,
      ),
    ]);
  });

  test('one bit of a log without a table, and of dead letters', async () => {
    const found = await findingsOf((data) => {
      for (const folder of ['streams/events', 'deadletters/orders'].map((one) => join(data, one))) {
        const name = readdirSync(folder).find((one) => one.endsWith('.ndjson')) as string;
        flip(join(folder, name), 3);
      }
    });
    expect(found.some((text) => /^dead letters of orders \| damaged/.test(text))).toBe(true);
    expect(found.some((text) => /^stream events \| damaged/.test(text))).toBe(true);
  });

  test('an index whose entry is lost: its rows have no record', async () => {
    const found = await findingsOf((data) => {
      const folder = join(data, 'streams/orders');
      const name = readdirSync(folder).find((one) => one.endsWith('.idx')) as string;
      const bytes = readFileSync(join(folder, name));
      bytes.fill(7, 0, 512);
      writeFileSync(join(folder, name), bytes);
    });
    expect(found[0]).toMatch(/^stream orders \| damaged \| .*idx/);
    expect(found.slice(1).join('\n')).toMatch(
      /table lake.orders \| unknown \| in the table and not in the log: 100 numbers \(0 to 99\)/,
    );
  });

  test('a Parquet file that is gone, one that is short, one that cannot be opened', async () => {
    const gone = await findingsOf((data) => rmSync(dataFiles(data)[0] as string));
    expect(gone[0]).toMatch(/^table lake.orders \| file \| .*parquet is missing$/);
    expect(gone[1]).toMatch(/^table lake.orders \| missing \| .*: \d+ numbers/);
    const short = await findingsOf((data) => {
      const file = dataFiles(data)[0] as string;
      truncateSync(file, statSync(file).size - 1);
    });
    expect(short[0]).toMatch(/parquet has \d+ bytes; the manifest says \d+$/);
    const broken = await findingsOf((data) => {
      const file = dataFiles(data)[0] as string;
      const bytes = readFileSync(file);
      bytes.fill(0, bytes.length - 60);
      writeFileSync(file, bytes);
    });
    expect(broken[0]).toMatch(/parquet cannot be opened: /);
  });

  test('a file of a model', async () => {
    const found = await findingsOf((data) =>
      rmSync(dataFiles(data, 'warehouse/totals')[0] as string),
    );
    expect(found).toEqual([
      expect.stringMatching(/^table warehouse.totals \| file \| .* is missing$/),
    ]);
  });

  test('entries of a lookup: one missing, one too many, one of another row, one damaged', async () => {
    const found = await findingsOf((data) =>
      changeLookup(data, async (database) => {
        await database.remove([5]);
        const six = database.get([6]) as Buffer;
        await database.put([9999], six);
        await database.put([7], packEntry(7, { shape: six.readUInt32LE(12), json: '{"id":7}' }));
        const damaged = Buffer.from(database.get([8]) as Buffer);
        damaged[20] = (damaged[20] as number) ^ 1;
        await database.put([8], damaged);
      }),
    );
    expect(found).toEqual([
      'lookup by_id | missing | without an entry: 1 key ([5])',
      'lookup by_id | changed | with another entry than the newest row: 1 key ([7])',
      'lookup by_id | unknown | with an entry and no row: 1 key ([9999])',
      'lookup by_id | damaged | with a damaged entry (build it again with `millrace replay`): 1 key ([8])',
    ]);
  });
});

test('while records come, are delivered and looked up nothing differs', async () => {
  const folder = temporaryFolder();
  const pipeline = await runPipeline(folder, PIPELINE.replace("'1h'", "'100ms'"));
  let isSending = true;
  let next = 0;
  const producer = (async () => {
    while (isSending) {
      const rows = Array.from({ length: 50 }, () => ({
        id: next++ % 300,
        customer: `c${next % 7}`,
      }));
      const body = rows.map((row) => JSON.stringify(row)).join('\n');
      await pipeline.post('/v1/streams/orders/records', body);
    }
  })();
  for (let turn = 0; turn < 3; turn++) {
    const found = await verified(folder);
    expect([found.code, found.differences]).toEqual([0, []]);
  }
  isSending = false;
  await producer;
  expect(next).toBeGreaterThan(1000);
  expect(await pipeline.stop()).toBe(0);
});
