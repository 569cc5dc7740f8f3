import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { WrittenFile } from '../../src/engine/protocol.ts';
import { field as f, stream } from '../../src/index.ts';
import { FileTableStore } from '../../src/lake/embedded/file-table-store.ts';
import { TableRegistry } from '../../src/lake/embedded/table-registry.ts';
import type { LakeTable } from '../../src/lake/table-store.ts';
import { FaultFileSystem } from '../support/fault-file-system.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? 20261121);
const EVERY = Number(process.env['FAULT_EVERY'] ?? 7);
const { fields } = stream('s', { fields: { id: f.long(), text: f.string().optional() } }).settings;

function fileNumber(index: number): WrittenFile {
  const statistics = {
    '"id"': {
      min: String(index),
      max: String(index),
      null_count: '0',
      num_values: '1',
      column_size_bytes: '30',
    },
  };
  return {
    path: `/lake/lake/s/data/${index}.parquet`,
    rows: 1,
    bytes: 100,
    statistics,
    partition: [],
    specId: 0,
    sortOrderId: 0,
  };
}

let now = 1_000_000;
/** Commits are far apart: none is young when the next one comes. */
const clock = { now: () => (now += 10_000), after: () => () => {} };
const openTable = (files: FaultFileSystem): Promise<LakeTable> =>
  new FileTableStore(new TableRegistry('/lake', { files, clock, logger: silentLogger })).open({
    namespace: 'lake',
    name: 's',
    fields,
    partitionBy: [],
  });

const pathsOf = (table: LakeTable) => table.scan.files.map((file) => file.path);
const indexOf = (path: string) => Number(/(\d+)\.parquet$/.exec(path)?.[1]);

describe('the lake with a disk that fails', () => {
  for (const kind of ['error', 'cut'] as const) {
    test(`L1–L3: after '${kind}' at call n a table holds each acknowledged commit with its property, for every ${EVERY}th n (seed ${SEED})`, async () => {
      const run = async (files: FaultFileSystem): Promise<number> => {
        let acknowledged = 0;
        try {
          const table = await openTable(files);
          for (let index = 0; index < 6; index++) {
            await table.append([fileNumber(index)], { 'millrace.checkpoint': String(index + 1) });
            acknowledged = index + 1;
          }
        } catch (error) {
          if (!(error instanceof Error)) throw error;
        }
        return acknowledged;
      };
      const whole = new FaultFileSystem(SEED);
      expect(await run(whole)).toBe(6);
      for (let call = 1; call <= whole.calls; call += EVERY) {
        const files = new FaultFileSystem(SEED + call);
        files.plan({ call, kind });
        const acknowledged = await run(files);
        files.restart();
        const table = await openTable(files);
        const stored = pathsOf(table).map(indexOf);
        expect(stored, `call ${call}`).toEqual(stored.map((_, index) => index));
        expect(stored.length, `call ${call}`).toBeGreaterThanOrEqual(acknowledged);
        expect(Number(table.properties['millrace.checkpoint'] ?? 0), `call ${call}`).toBe(
          stored.length,
        );
        await table.append([fileNumber(stored.length)], {});
        expect(pathsOf(await openTable(files))).toHaveLength(stored.length + 1);
      }
    });
  }

  test('control: a table whose metadata was not kept is noticed', async () => {
    const files = new FaultFileSystem(SEED);
    const table = await openTable(files);
    await table.append([fileNumber(0)], {});
    files.cutPower();
    files.restart();
    await files.remove('/lake/lake/s/metadata/version-hint.text');
    await expect(openTable(files)).rejects.toThrow(/has no table/);
  });
});

describe('a table with a long history', () => {
  test('keeps its metadata small and every row in reach', async () => {
    const files = new FaultFileSystem(SEED);
    const table = await openTable(files);
    for (let index = 0; index < 260; index++)
      await table.append([fileNumber(index)], { 'millrace.checkpoint': String(index) });
    const again = await openTable(files);
    expect(
      pathsOf(again)
        .map(indexOf)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 260 }, (_, index) => index));
    expect(again.rows).toBe(260);
    expect(again.snapshots.length).toBeLessThanOrEqual(120);
    expect(again.snapshots.at(-1)).toMatchObject({
      totalRows: 260,
      totalFiles: 260,
      totalBytes: 26_000,
    });
    await table.removeEnded(now + LIMITS.tableFilesGraceMs);
    const manifests = (await files.list('/lake/lake/s/metadata')).filter((entry) =>
      entry.name.endsWith('-m0.avro'),
    );
    expect(manifests.length).toBeLessThan(260);
  });

  test('a replaced table shows the new rows only, and drops old files once no snapshot reaches them', async () => {
    const files = new FaultFileSystem(SEED);
    const table = await openTable(files);
    for (let index = 0; index < 130; index++) {
      const file = fileNumber(index);
      await (await files.open(file.path, 'write')).write(Buffer.from('x'), 0);
      await table.replace([file], {});
    }
    expect(pathsOf(await openTable(files)).map(indexOf)).toEqual([129]);
    expect(await files.exists('/lake/lake/s/data/0.parquet')).toBe(true);
    expect(await table.removeEnded(now + LIMITS.tableFilesGraceMs)).toBeGreaterThan(0);
    expect(await files.exists('/lake/lake/s/data/0.parquet')).toBe(false);
    expect(await files.exists('/lake/lake/s/data/129.parquet')).toBe(true);
  });

  test('L5: fields keep their ids when others come, go and widen', async () => {
    const files = new FaultFileSystem(SEED);
    const before = await openTable(files);
    const ids = (table: LakeTable) =>
      Object.fromEntries(table.columns.map((column) => [column.name, column.id]));
    expect(ids(before)).toEqual({ id: 1, text: 2 });
    const store = new FileTableStore(
      new TableRegistry('/lake', { files, clock, logger: silentLogger }),
    );
    const next = stream('s', {
      fields: {
        added: f.struct({ x: f.int() }).optional(),
        text: f.string().optional(),
        id: f.long(),
      },
    }).settings.fields;
    expect(
      ids(await store.open({ namespace: 'lake', name: 's', fields: next, partitionBy: [] })),
    ).toEqual({ added: 3, text: 2, id: 1 });
    const changed = stream('s', { fields: { text: f.int().optional(), id: f.long() } }).settings
      .fields;
    expect(
      ids(await store.open({ namespace: 'lake', name: 's', fields: changed, partitionBy: [] }))[
        'text'
      ],
      'another type is another column',
    ).toBe(5);
  });
});
