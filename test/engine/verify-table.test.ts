import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { connect, openDatabase } from '../../src/engine/database.ts';
import type { EngineStream } from '../../src/engine/protocol.ts';
import { verifyTable } from '../../src/engine/verify-table.ts';
import { NO_ROWS } from '../../src/lake/iceberg/live-files.ts';
import { temporaryFolder } from '../support/folder.ts';

const STREAM: EngineStream = {
  name: 'sales',
  schema: 'lake',
  fields: [],
  rest: false,
  schemas: [],
  columns: [
    { name: '_shard', type: 'int', id: 1 },
    { name: '_sequence_number', type: 'long', id: 2 },
  ],
};

/** What is found of rows with these numbers, of which the log has no records any more, or never had. */
async function found(
  numbers: readonly number[],
  { isOlder, apart = [] }: { isOlder: boolean; apart?: { from: number; next: number }[] },
) {
  const scratch = temporaryFolder();
  const instance = await openDatabase({ memory: '500MB', scratch });
  const connection = await connect(instance);
  const file = join(scratch, 'rows.parquet');
  const rows = numbers.map((number) => `(0::INTEGER, ${number}::BIGINT)`).join(', ');
  await connection.run(
    `COPY (SELECT * FROM (VALUES ${rows}) AS t(_shard, _sequence_number)) TO '${file}' (FORMAT parquet, FIELD_IDS {_shard: 1, _sequence_number: 2})`,
  );
  const result = await verifyTable(
    {
      stream: STREAM,
      slices: [],
      scan: { ...NO_ROWS, files: [{ path: file, rows: numbers.length, bytes: 0 }] },
      from: 0,
      until: 100,
      apart,
      isOlder,
    },
    { connection, files: nodeFileSystem(), scratch },
  );
  connection.closeSync();
  instance.closeSync();
  return result;
}

test('of rows that the log has no more only those are named that are there twice', async () => {
  const { rows, doubled, unknown, missing } = await found([1, 2, 2, 3, 3, 3, 9], { isOlder: true });
  expect([rows, doubled, unknown.count, missing.count]).toEqual([
    7,
    { count: 2, ranges: [[2, 3]] },
    0,
    0,
  ]);
});

test('rows of a line that the log was put back from may be there beside its own, once each', async () => {
  const apart = [{ from: 2, next: 4 }];
  const older = await found([1, 1, 2, 2, 3, 3, 3, 4], { isOlder: true, apart });
  expect(older.doubled).toEqual({
    count: 2,
    ranges: [
      [1, 1],
      [3, 3],
    ],
  });
  const beyond = await found([2, 3, 3, 4], { isOlder: false, apart });
  expect(beyond.unknown).toEqual({ count: 2, ranges: [[3, 4]] });
});
