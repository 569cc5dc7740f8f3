import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { NamedField } from '../../src/core/field-types.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { connect, openDatabase } from '../../src/engine/database.ts';
import { deliver, deliverByPipe, deliverByScratch } from '../../src/engine/deliver.ts';
import type { DeliverRequest, WrittenFile } from '../../src/engine/protocol.ts';
import { evolveSchema } from '../../src/lake/iceberg/schema.ts';
import { RUN, RUN_COLUMNS } from '../../src/stream/run-columns.ts';
import type { Placement, StreamLog } from '../../src/stream/stream-store.ts';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { batchOf, LOG_SETTINGS, storeOn } from '../support/stream.ts';

const SEED = Number(process.env['PROPERTY_SEED'] ?? 20261121);
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 40);

const FIELDS: readonly NamedField[] = [
  { name: 'id', type: { kind: 'string' }, optional: false },
  { name: 'n', type: { kind: 'int' }, optional: true },
  { name: 'price', type: { kind: 'decimal', precision: 10, scale: 3 }, optional: true },
  { name: 'at', type: { kind: 'timestamp' }, optional: true },
  {
    name: 'tags',
    type: { kind: 'list', element: { type: { kind: 'string' }, optional: true } },
    optional: true,
  },
];
const PLACES: readonly NamedField[] = [
  { name: '_shard', type: { kind: 'int' }, optional: false },
  { name: '_sequence_number', type: { kind: 'long' }, optional: false },
  { name: '_arrived_at', type: { kind: 'timestamptz' }, optional: false },
];

const files = nodeFileSystem();

/** A log, and a way to deliver from it, as the engine child has it: one thread. */
async function bench() {
  const folder = temporaryFolder();
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  const log = await storeOn(files, folder).open({
    ...LOG_SETTINGS,
    schema: { fields: FIELDS, unknown: 'refuse' },
  });
  const instance = await openDatabase({ memory: '1GB', scratch, threads: 1 });
  onTestFinished(async () => {
    await log.close();
    instance.closeSync();
  });
  let targets = 0;
  return {
    log,
    scratch,
    context: async () => ({ connection: await connect(instance), files, scratch }),
    request: async (from = 0, until = log.nextSequence): Promise<DeliverRequest> => {
      const target = join(folder, `table-${targets++}`);
      mkdirSync(target);
      return {
        stream: {
          name: 'sales',
          schema: 'lake',
          fields: FIELDS,
          rest: false,
          schemas: log.schemas,
          columns: [],
        },
        slices: await log.slices(from, until, Number.MAX_SAFE_INTEGER),
        from,
        until,
        folder: target,
        columns: evolveSchema([...FIELDS, ...PLACES], undefined).schema.fields,
        partitions: [],
        specId: 0,
        sortBy: '',
        sortOrderId: 0,
      };
    },
  };
}

/** Rows of the files in the order of the log, values as text. */
async function rowsOf(written: readonly WrittenFile[]): Promise<unknown[]> {
  if (written.length === 0) return [];
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const paths = written.map(({ path }) => `'${path}'`).join(', ');
  const reader = await connection.runAndReadAll(
    `SELECT id, n, price::VARCHAR, "at"::VARCHAR, tags::VARCHAR, _shard, _sequence_number::VARCHAR, epoch_ms(_arrived_at)::VARCHAR
     FROM read_parquet([${paths}], hive_partitioning = false) ORDER BY _sequence_number`,
  );
  const rows = reader.getRowsJson();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

interface Appended {
  readonly lines: readonly string[];
  readonly shards: readonly number[];
}

const line = fc
  .record(
    {
      id: fc.string({ unit: 'grapheme', maxLength: 40 }),
      n: fc.option(fc.integer({ min: -2147483648, max: 2147483647 })),
      price: fc
        .integer({ min: -9_999_999, max: 9_999_999 })
        .map((thousandths) => thousandths / 1000),
      at: fc.constantFrom('2011-01-02T03:04:05', '1999-12-31 23:59:59.5'),
      tags: fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
    },
    { requiredKeys: ['id'] },
  )
  .chain((record) =>
    // A stream that drops what it has no field for stores it nevertheless.
    fc
      .dictionary(fc.constantFrom('.', ':', '/', '+', '', 'ID', 'N', '_rest', '_shard'), fc.nat())
      .map((others) => JSON.stringify({ ...record, ...others })),
  );
const appended: fc.Arbitrary<Appended> = fc
  .array(fc.tuple(line, fc.nat(3)), { minLength: 1, maxLength: 60 })
  .map((records) => ({
    lines: records.map(([text]) => text),
    shards: records.map(([, shard]) => shard),
  }));

/** Appends without waiting, so that some share a commit. Returns the id each sequence number must have. */
async function appendAll(
  log: StreamLog,
  batches: readonly Appended[],
): Promise<Map<number, string>> {
  const placements = await Promise.all(
    batches.map(({ lines, shards }) => log.append(batchOf(lines, (index) => shards[index] ?? 0))),
  );
  const ids = new Map<number, string>();
  batches.forEach((batch, index) => {
    for (const { shard, first } of placements[index] as Placement[]) {
      let sequence = first;
      batch.lines.forEach((text, at) => {
        if (batch.shards[at] === shard)
          ids.set(sequence++, (JSON.parse(text) as { id: string }).id);
      });
    }
  });
  return ids;
}

/** Batches of about 1.5 MB, for what small deliveries are not given to a pipe. */
function largeBatches(seed: number): Appended[] {
  const random = seededRandom(seed);
  return Array.from({ length: 30 }, (_, batch) => ({
    lines: Array.from({ length: 100 }, (_, index) =>
      JSON.stringify({ id: `${batch}-${index}-${'x'.repeat(random() * 900)}`, n: index }),
    ),
    shards: Array.from({ length: 100 }, () => Math.floor(random() * 4)),
  }));
}

describe('a delivery', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('gives each record its own place, through a pipe as through a scratch file', async () => {
    const { log, scratch, context, request } = await bench();
    let from = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(appended, { minLength: 1, maxLength: 6 }), async (batches) => {
        const ids = await appendAll(log, batches);
        const piped = await deliverByPipe(await request(from), await context());
        const { files: sure } = await deliverByScratch(await request(from), await context());
        const rows = (await rowsOf(piped?.files ?? [])) as string[][];
        expect(rows).toEqual(await rowsOf(sure));
        expect(rows.map((row) => [Number(row[6]), row[0]])).toEqual(
          [...ids].sort(([a], [b]) => a - b),
        );
        from = log.nextSequence;
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect(readdirSync(scratch)).toEqual([]);
  });

  test('reads records stored under former names, through a pipe as through a scratch file', async () => {
    const { log, context, request } = await bench();
    await appendAll(log, largeBatches(SEED).slice(0, 2));
    const fields: NamedField[] = [
      { name: 'code', type: { kind: 'string' }, optional: true, renamedFrom: 'id' },
      { name: 'count', type: { kind: 'long' }, optional: true, renamedFrom: 'n' },
      { name: 'id', type: { kind: 'int' }, optional: true },
    ];
    const asked = async (): Promise<DeliverRequest> => {
      const before = await request();
      const schemas = [...log.schemas, { version: 99, fields, unknown: 'refuse' as const }];
      const { schema } = evolveSchema([...fields, ...PLACES], undefined);
      return { ...before, stream: { ...before.stream, fields, schemas }, columns: schema.fields };
    };
    const read = async (written: readonly WrittenFile[] = []) => {
      const { connection } = await context();
      const reader = await connection.runAndReadAll(
        `SELECT code, count::VARCHAR, id FROM read_parquet([${written.map(({ path }) => `'${path}'`).join(', ')}]) ORDER BY _sequence_number`,
      );
      return reader.getRowsJson() as [string, string, null][];
    };
    const piped = await read((await deliverByPipe(await asked(), await context()))?.files);
    const { files: sure } = await deliverByScratch(await asked(), await context());
    expect(piped).toEqual(await read(sure));
    expect(piped).toHaveLength(200);
    expect(piped.every(([code, count, id]) => code.split('-')[1] === count && id === null)).toBe(
      true,
    );
  });

  test('keeps lines and places together over the ends of the buffers that DuckDB reads into', async () => {
    const { log, context, request } = await bench();
    const text = 'x'.repeat(3000);
    for (let batch = 0; batch < 30; batch++) {
      const lines = Array.from({ length: 1000 }, (_, index) =>
        JSON.stringify({ id: text.slice(index), n: batch * 1000 + index }),
      );
      await log.append(batchOf(lines, () => batch % 4));
    }
    const written = await deliverByPipe(await request(), await context());
    const { connection } = await context();
    const paths = written?.files.map(({ path }) => `'${path}'`).join(', ');
    const reader = await connection.runAndReadAll(
      `SELECT count(*)::INTEGER, count(*) FILTER (n <> _sequence_number OR _shard <> n // 1000 % 4)::INTEGER
       FROM read_parquet([${paths}])`,
    );
    expect(reader.getRows()).toEqual([[30_000, 0]]);
  });

  test('of parts of runs gives exactly the records asked for', async () => {
    const { log, context, request } = await bench();
    await appendAll(log, largeBatches(1));
    const whole = (await rowsOf(
      (
        await deliver(await request(), await context())
      ).files,
    )) as string[][];
    const random = seededRandom(SEED);
    for (let round = 0; round < 5; round++) {
      const from = Math.floor(random() * 1000);
      const until = 2000 + Math.floor(random() * 1000);
      const { files: written, detour } = await deliver(await request(from, until), await context());
      expect(detour).toBeUndefined();
      expect(await rowsOf(written)).toEqual(whole.slice(from, until));
    }
  });

  test('ends where it was told to, whatever the log takes meanwhile', async () => {
    const { log, context, request } = await bench();
    await appendAll(log, largeBatches(2));
    const asked = await request();
    const end = log.nextSequence;
    const [{ files: written }] = await Promise.all([
      deliver(asked, await context()),
      appendAll(log, largeBatches(3)),
    ]);
    expect(log.nextSequence).toBeGreaterThan(end);
    expect(await rowsOf(written)).toHaveLength(end);
  });

  test('leaves out a damaged run, names it, and says that it took the slow way', async () => {
    const { log, context, request } = await bench();
    await appendAll(log, largeBatches(4));
    const asked = await request();
    const whole = (await rowsOf((await deliver(asked, await context())).files)) as string[][];
    const { file, runs } = asked.slices[0] as { file: string; runs: Float64Array };
    const at = Math.floor(runs.length / RUN_COLUMNS / 2) * RUN_COLUMNS;
    const bytes = readFileSync(file);
    const position = (runs[at + RUN.position] as number) + 5;
    bytes[position] = (bytes[position] as number) ^ 4;
    writeFileSync(file, bytes);
    const again = await request();
    const { files: written, damage, detour } = await deliver(again, await context());
    const first = runs[at + RUN.firstSequence] as number;
    const last = first + (runs[at + RUN.count] as number) - 1;
    expect(damage).toEqual([expect.stringContaining(`records ${first} to ${last}`)]);
    expect(detour).toContain(`records ${first} to ${last}`);
    expect(await rowsOf(written)).toEqual(
      whole.filter((row) => Number(row[6]) < first || Number(row[6]) > last),
    );
    expect(readdirSync(again.folder)).toHaveLength(written.length);
  });

  test('reads on over damaged bytes between runs', async () => {
    const { log, context, request } = await bench();
    await appendAll(log, largeBatches(5));
    const asked = await request();
    const { file, runs } = asked.slices[0] as { file: string; runs: Float64Array };
    const end = (runs[RUN.position] as number) + (runs[RUN.length] as number);
    const bytes = readFileSync(file);
    expect(bytes[end]).toBe(10);
    bytes[end] = 123;
    writeFileSync(file, bytes);
    const { files: written, damage, detour } = await deliver(asked, await context());
    expect([damage, detour]).toEqual([[], undefined]);
    expect(await rowsOf(written)).toHaveLength(log.nextSequence);
  });

  test.each([1, -1])('notices when lines and places differ by %i', async (difference) => {
    const { log, context, request } = await bench();
    await appendAll(log, largeBatches(6));
    const asked = await request();
    const { runs } = asked.slices[0] as { runs: Float64Array };
    const count = runs.length - RUN_COLUMNS + RUN.count;
    runs[count] = (runs[count] as number) + difference;
    const until = asked.until + 1;
    await expect(deliverByPipe({ ...asked, until }, await context())).rejects.toThrow(
      'rows came out of a pipe',
    );
    expect(readdirSync(asked.folder)).toEqual([]);
  });

  test('that cannot write its files says so and leaves no pipe', async () => {
    const { log, scratch, context, request } = await bench();
    await appendAll(log, largeBatches(7));
    const nowhere = { ...(await request()), folder: join(scratch, 'not', 'there') };
    await expect(deliver(nowhere, await context())).rejects.toMatchObject({
      code: 'MR_QUERY_FAILED',
    });
    expect(readdirSync(scratch)).toEqual([]);
  });

  test('that DuckDB refuses in the middle ends and says why', async () => {
    const { log, scratch, context, request } = await bench();
    const batches = largeBatches(8);
    const wrong = { lines: ['{"id":"x","n":"no number"}'], shards: [0] };
    await appendAll(log, [...batches.slice(0, 10), wrong, ...batches.slice(10)]);
    await expect(deliver(await request(), await context())).rejects.toThrow('no number');
    expect(readdirSync(scratch)).toEqual([]);
  });

  test('runs beside another', async () => {
    const { log, context, request } = await bench();
    await appendAll(log, largeBatches(9));
    const both = await Promise.all(
      [await request(), await request()].map(async (one) => deliver(one, await context())),
    );
    for (const { files: written, detour } of both) {
      expect(detour).toBeUndefined();
      expect(await rowsOf(written)).toHaveLength(log.nextSequence);
    }
  });

  test('needs no mkfifo', async () => {
    const { log, context, request } = await bench();
    await appendAll(log, largeBatches(10));
    vi.stubEnv('PATH', '');
    const asked = await request();
    expect(await deliverByPipe(asked, await context())).toBeUndefined();
    const { files: written, detour } = await deliver(asked, await context());
    expect(detour).toBeUndefined();
    expect(await rowsOf(written)).toHaveLength(log.nextSequence);
  });

  test('to partitions keeps each row with its place', async () => {
    const { log, context, request } = await bench();
    await appendAll(log, largeBatches(11));
    const asked = { ...(await request()), partitions: [{ expression: '"n" % 3', isText: false }] };
    const piped = await deliverByPipe(asked, await context());
    expect(new Set(piped?.files.map(({ partition }) => partition[0]))).toEqual(
      new Set(['0', '1', '2']),
    );
    const { files: sure } = await deliverByScratch(await request(), await context());
    expect(await rowsOf(piped?.files ?? [])).toEqual(await rowsOf(sure));
  });
});
