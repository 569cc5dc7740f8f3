import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { type CompactionScope, partOfScan, planCompaction } from '../../src/lake/compaction.ts';
import { type LiveFile, type TableScan, tableScan } from '../../src/lake/iceberg/live-files.ts';
import type { DataFile } from '../../src/lake/iceberg/manifest.ts';
import { currentSchema } from '../../src/lake/iceberg/metadata.ts';
import { emptyTable } from '../support/table-metadata.ts';

const MB = 1024 * 1024;

interface File {
  readonly bytes: number;
  readonly partition?: DataFile['partition'];
  readonly specId?: number;
  /** Files with deleted rows of it. */
  readonly deletes?: { readonly byPlace?: number; readonly byValue?: number };
}

function tableOf(files: readonly File[]): { live: LiveFile[]; scan: TableScan } {
  const live = files.map(
    ({ bytes, partition = {}, specId = 0 }, index): LiveFile => ({
      file: {
        file_path: `file:/t/data/${index}.parquet`,
        file_format: 'PARQUET',
        content: 0,
        partition,
        record_count: 1n,
        file_size_in_bytes: BigInt(bytes),
      } as unknown as DataFile,
      specId,
      sequence: 1n,
      fileSequence: 1n,
      snapshotId: 1n,
    }),
  );
  const deletes = files.flatMap(({ deletes: { byPlace = 0, byValue = 0 } = {} }, index) => {
    const data = live[index] as LiveFile;
    const one = (content: number): LiveFile => ({
      ...data,
      file: {
        ...data.file,
        content,
        file_path: `file:/t/data/d${index}.parquet`,
        equality_ids: content === 2 ? [1] : null,
        referenced_data_file: content === 1 ? data.file.file_path : null,
        lower_bounds: null,
        upper_bounds: null,
      },
      sequence: 2n,
    });
    return [...Array(byPlace).fill(one(1)), ...Array(byValue).fill(one(2))];
  });
  const schema = emptyTable();
  return {
    live,
    scan: tableScan({ manifests: [], data: live, deletes }, schema, currentSchema(schema).fields),
  };
}

const plan = (files: readonly File[], scope: CompactionScope): (readonly number[])[] => {
  const { live, scan } = tableOf(files);
  return planCompaction(live, scan, scope).map((job) => job.files);
};
const many = (count: number, file: File): File[] => Array.from({ length: count }, () => file);
const upTo = (end: number, from = 0) => Array.from({ length: end - from }, (_, i) => from + i);

describe('compaction by itself', () => {
  test('waits for eight files of about one size', () => {
    expect(plan(many(7, { bytes: MB }), 'due')).toEqual([]);
    expect(plan(many(8, { bytes: MB }), 'due')).toEqual([upTo(8)]);
    expect(plan([...many(7, { bytes: MB }), { bytes: 64 * MB }], 'due')).toEqual([]);
  });

  test('puts files of one partition and one partition spec together, never those of two', () => {
    const de = { bytes: MB, partition: { country: 'DE' } };
    const fr = { bytes: MB, partition: { country: 'FR' } };
    expect(plan([...many(7, de), ...many(7, fr)], 'due')).toEqual([]);
    expect(plan([...many(8, de), ...many(8, fr)], 'due')).toEqual([upTo(8), upTo(16, 8)]);
    expect(plan([...many(4, de), ...many(4, { ...de, specId: 1 })], 'due')).toEqual([]);
    const nulls = { bytes: MB, partition: { country: null } };
    expect(
      plan([...many(4, nulls), ...many(4, { bytes: MB, partition: { country: 'null' } })], 'due'),
    ).toEqual([]);
    const number = (n: unknown) => ({ bytes: MB, partition: { n } });
    expect(
      plan([...many(4, number(1)), ...many(4, number(1n))], 'due'),
      'an int became a long',
    ).toEqual([upTo(8)]);
  });

  test('leaves files alone that are large enough', () => {
    expect(plan(many(20, { bytes: LIMITS.tableFileSmallBytes }), 'due')).toEqual([]);
    expect(plan(many(20, { bytes: LIMITS.tableFileSmallBytes }), 'all')).toEqual([]);
  });

  test('rewrites a file with many deletes, however large, and alone', () => {
    const large = { bytes: 2 * LIMITS.tableFileBytes };
    expect(plan([{ ...large, deletes: { byPlace: 8 } }, large], 'due')).toEqual([[0]]);
    const inPartition = { ...large, partition: { p: 1 } };
    expect(plan([large, { ...inPartition, deletes: { byValue: 8 } }], 'due')).toEqual([[1]]);
    expect(plan([large, { ...large, deletes: { byPlace: 1 } }], 'all')).toEqual([[1]]);
  });

  test('makes files of at most the size one should have, of all that pay', () => {
    const jobs = plan(many(100, { bytes: 17 * MB }), 'due');
    expect(jobs.length).toBe(Math.ceil(100 / 15));
    for (const job of jobs) expect(job.length * 17 * MB).toBeLessThanOrEqual(LIMITS.tableFileBytes);
    expect(jobs.slice(0, -1).flat(), 'in the order rows came').toEqual(upTo(90));
  });
});

describe('compaction that was asked for', () => {
  test('puts whatever is small together, of all sizes, and is done after it', () => {
    expect(plan([{ bytes: 10 }, { bytes: 100 * MB }], 'all')).toEqual([[0, 1]]);
    expect(plan([{ bytes: 10 }], 'all')).toEqual([]);
  });

  test('of a scan only the files of a job are read, with all deletes', () => {
    const { scan } = tableOf([...many(4, { bytes: 1 }), { bytes: 1, deletes: { byPlace: 1 } }]);
    const part = partOfScan(scan, { files: [3, 1], bytes: 2 });
    expect(part.files.map(({ path }) => path)).toEqual(['/t/data/3.parquet', '/t/data/1.parquet']);
    expect(part.positionDeletes).toEqual(['/t/data/d4.parquet']);
  });
});

/** Plays deliveries with compaction after each; says how often the row that was written most often was. */
function rewritesOf(deliveries: readonly number[], scope: CompactionScope): number {
  let files: { bytes: number; rewrites: number }[] = [];
  for (const bytes of deliveries) {
    files.push({ bytes, rewrites: 0 });
    for (;;) {
      const [job] = plan(files, scope);
      if (!job) break;
      const chosen = job.map((index) => files[index] as (typeof files)[number]);
      files = files.filter((file) => !chosen.includes(file));
      files.push({
        bytes: chosen.reduce((sum, file) => sum + file.bytes, 0),
        rewrites: Math.max(...chosen.map((file) => file.rewrites)) + 1,
      });
    }
  }
  return Math.max(...files.map(({ rewrites }) => rewrites));
}

test('by itself each row is written again about log8(n) times over n deliveries, whatever their sizes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 20 * MB }), { minLength: 1, maxLength: 300 }),
      (deliveries) => {
        const total = deliveries.reduce((sum, bytes) => sum + bytes, 0);
        const least = Math.min(...deliveries);
        // One for each eightfold from the least delivery to all of them together, and one for where tiers begin.
        const most = Math.ceil(Math.log2(total / least) / 3) + 1;
        expect(rewritesOf(deliveries, 'due')).toBeLessThanOrEqual(most);
      },
    ),
    { numRuns: 60 },
  );
  expect(
    rewritesOf(
      Array.from({ length: 4096 }, () => 10_000),
      'due',
    ),
  ).toBeLessThanOrEqual(5);
});

test('control: putting everything together after each delivery is noticed', () => {
  expect(
    rewritesOf(
      Array.from({ length: 100 }, () => 10_000),
      'all',
    ),
  ).toBeGreaterThan(50);
});
