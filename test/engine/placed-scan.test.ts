import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase, withConnection } from '../../src/engine/database.ts';
import { scanSql } from '../../src/engine/table-scan.ts';
import type { TableScan } from '../../src/lake/iceberg/live-files.ts';
import { temporaryFolder } from '../support/folder.ts';

test('rows that a file names by their places in a bucket are left out where the file is read here', async () => {
  const folder = temporaryFolder();
  const here = join(folder, 'bucket/t/data');
  mkdirSync(here, { recursive: true });
  const instance = await openDatabase({ memory: '200MB', scratch: folder });
  const columns = [{ name: 'id', id: 1, type: 'long' }] as const;
  const scan: TableScan = {
    files: [{ path: `${here}/a.parquet`, rows: 5, bytes: 1, positionDeletes: 1 }],
    positionDeletes: [`${here}/d.parquet`],
    equalityDeletes: [],
    reshaped: [],
    hidden: [],
  };
  const rows = await withConnection(instance, async (connection) => {
    await connection.run(
      `COPY (SELECT range AS id FROM range(5)) TO '${here}/a.parquet' (FORMAT parquet, FIELD_IDS {id: 1})`,
    );
    await connection.run(
      `COPY (SELECT 's3://bucket/t/data/a.parquet' AS file_path, unnest([1, 3])::BIGINT AS pos) TO '${here}/d.parquet' (FORMAT parquet)`,
    );
    const read = async (one: TableScan) => {
      const sql = await scanSql(connection, one, columns);
      const reader = await connection.runAndReadAll(`SELECT id::INTEGER FROM (${sql}) ORDER BY id`);
      return reader.getRowsJson().flat();
    };
    const placed = { from: 's3://', to: `${folder}/` };
    return [await read({ ...scan, placed }), await read(scan)];
  });
  expect(rows, 'the second is read as if the file were another').toEqual([
    [0, 2, 4],
    [0, 1, 2, 3, 4],
  ]);
});
