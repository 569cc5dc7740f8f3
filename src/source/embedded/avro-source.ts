import { resolve } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import { AvroContainer } from '../../wire/avro/container.ts';
import { type AvroColumn, columnsOf } from '../../wire/avro/json-values.ts';
import { AvroTap } from '../../wire/avro/tap.ts';
import { type FileSource, type SourceRow, typedDialect } from '../source.ts';
import { TypedRow } from '../typed-row.ts';
import { fileBytes } from './file-bytes.ts';

/** An object container file of Avro, read one block at a time. Values are JSON that loses nothing. */
export function openAvro(path: string): FileSource {
  return { path, dialect: typedDialect('avro'), columns: [], batches: () => rowsOf(path) };
}

async function* rowsOf(path: string): AsyncGenerator<SourceRow[]> {
  let row = 0;
  try {
    const container = await AvroContainer.open(fileBytes(resolve(path)));
    const columns = columnsOf(container.header.schema);
    const names = columns.map(({ name }) => name);
    for await (const { records, bytes } of container.blocks()) {
      const tap = new AvroTap(bytes);
      for (let left = records; left > 0; ) {
        const rows: SourceRow[] = [];
        for (; left > 0 && rows.length < ROWS_PER_BATCH; left--)
          rows.push(readRow({ tap, columns, names, row: ++row }));
        yield rows;
      }
      if (!tap.isAtEnd) throw new Error(`something follows row ${row} in its block`);
    }
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${path} could not be read as Avro behind row ${row}: ${(error as Error).message}.`,
      { cause: error },
    );
  }
}

const ROWS_PER_BATCH = 1024;

interface Place {
  readonly tap: AvroTap;
  readonly columns: readonly AvroColumn[];
  readonly names: readonly string[];
  readonly row: number;
}

function readRow({ tap, columns, names, row }: Place): SourceRow {
  const start = tap.at;
  tap.begin();
  const values = columns.map(({ read }) => read(tap));
  const found = new TypedRow(row, names, values);
  if (!tap.hasBrokenText) return found;
  return {
    row,
    columns: [],
    values: [],
    text: found.text,
    bytes: Buffer.from(tap.since(start)),
    problem: { code: 'MR_RECORD_ENCODING', message: 'A text of the row is not valid UTF-8.' },
  };
}
