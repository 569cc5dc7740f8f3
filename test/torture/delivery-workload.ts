import type { Clock } from '../../src/core/clock.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { TableDelivery } from '../../src/deliver/embedded/table-delivery.ts';
import type { DeliverRequest, DeliverResult } from '../../src/engine/protocol.ts';
import { field as f, stream } from '../../src/index.ts';
import { FileTableStore } from '../../src/lake/embedded/file-table-store.ts';
import { TableRegistry } from '../../src/lake/embedded/table-registry.ts';
import { readRuns } from '../../src/stream/run-reader.ts';
import { type FaultFileSystem, seededRandom } from '../support/fault-file-system.ts';
import { batchOf, LOG_SETTINGS, readAll, storeOn } from '../support/stream.ts';

/** Log → table on one disk: each acknowledged record is in the table once, after one more delivery. */

export interface Sent {
  readonly acknowledged: Set<string>;
  readonly tried: Set<string>;
}

const { fields } = stream('sales', { fields: { n: f.int() } }).settings;
const ROUNDS = 6;

/** Deliveries are asked for, never timed. */
const clock: Clock = { now: () => 1_000_000, after: () => () => {} };

async function openBoth(files: FaultFileSystem, name: string) {
  const log = await storeOn(files, '/data', { clock }).open(LOG_SETTINGS);
  const store = new FileTableStore(
    new TableRegistry('/lake', { files, clock, logger: silentLogger }),
  );
  const table = await store.open({ namespace: 'lake', name: 'sales', fields, partitionBy: [] });
  const delivery = new TableDelivery({
    log,
    table,
    stream: {
      name: 'sales',
      schema: 'lake',
      fields,
      rest: false,
      schemas: log.schemas,
      columns: table.columns,
    },
    everyMs: 1000,
    bytesMax: 1e9,
    write: (request) => writeLines(files, request, name),
    clock,
    logger: silentLogger,
  });
  return { log, table, delivery };
}

/** As the engine writes Parquet, but lines: where they come from and when they are committed is what is tried. */
async function writeLines(
  files: FileSystem,
  { slices, from, until, folder }: DeliverRequest,
  name: string,
): Promise<DeliverResult> {
  const lines: string[] = [];
  const damage: string[] = [];
  for await (const run of readRuns(files, slices)) {
    if (run.damage !== undefined) damage.push(run.damage);
    const inside = (index: number) =>
      run.firstSequence + index >= from && run.firstSequence + index < until;
    lines.push(
      ...run.bytes
        .toString()
        .split('\n')
        .filter((line, index) => line !== '' && inside(index)),
    );
  }
  if (lines.length === 0) return { files: [], damage };
  const path = `${folder}/${name}-${from}-${until}.parquet`;
  const handle = await files.open(path, 'write');
  await handle.write(Buffer.from(lines.join('\n')), 0);
  await handle.sync();
  await handle.close();
  await files.syncFolder(folder);
  const statistics = { '"n"': { min: '0', max: '9', null_count: '0', num_values: '1' } };
  return {
    files: [
      {
        path,
        rows: lines.length,
        bytes: 100,
        statistics,
        partition: [],
        specId: 0,
        sortOrderId: 0,
      },
    ],
    damage,
  };
}

/** Sends and delivers until the end or the first error. */
export async function deliver(files: FaultFileSystem, seed: number): Promise<Sent> {
  const sent: Sent = { acknowledged: new Set(), tried: new Set() };
  const random = seededRandom(seed);
  try {
    const { log, delivery } = await openBoth(files, 'first');
    for (let round = 0; round < ROUNDS; round++) {
      const lines = Array.from(
        { length: 1 + Math.floor(random() * 9) },
        (_, index) => `{"n":${round * 100 + index}}`,
      );
      for (const line of lines) sent.tried.add(line);
      await log.append(batchOf(lines, () => Math.floor(random() * LOG_SETTINGS.shards)));
      for (const line of lines) sent.acknowledged.add(line);
      if (random() < 0.7) await delivery.deliverNow();
    }
    await delivery.close();
    await log.close();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  return sent;
}

export async function checkDelivery(files: FaultFileSystem, sent: Sent): Promise<string[]> {
  files.restart();
  const { log, table, delivery } = await openBoth(files, 'second');
  await delivery.deliverNow();
  const rows: string[] = [];
  for (const { path } of table.scan.files)
    rows.push(...(await files.readFile(path)).toString().split('\n'));
  const stored = (await readAll(log, files)).records.map(({ line }) => line);
  const sorted = (lines: Iterable<string>) => JSON.stringify([...lines].sort());
  const delivered = new Set(rows);
  return [
    ...[...sent.acknowledged]
      .filter((line) => !delivered.has(line))
      .map((line) => `not in the table: ${line}`),
    ...rows.filter((line) => !sent.tried.has(line)).map((line) => `unknown ${line}`),
    ...(delivered.size === rows.length ? [] : ['delivered twice']),
    ...(sorted(stored) === sorted(rows) ? [] : ['log and table differ']),
  ];
}
