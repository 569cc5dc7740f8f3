import { type FileHandle, open } from 'node:fs/promises';
import type { PlainValue } from '../core/plain-value.ts';
import type { RowsToWrite } from './file-formats.ts';
import { plainOf } from './plain-values.ts';

/** Makes a file of rows, some bytes at a time. */
export interface RowWriter {
  /** What the file begins with. */
  readonly header: Buffer;
  /** @returns what is to be written, once it is enough */
  add(row: readonly PlainValue[]): Buffer | undefined;
  /** What is left. */
  end(): Buffer;
}

/** @returns how many rows are in the file */
export async function writeRowFile(to: RowsToWrite, writer: RowWriter): Promise<number> {
  const file = await open(to.path, 'w');
  try {
    await file.writeFile(writer.header);
    return await writeAll(to, file, writer);
  } finally {
    await file.close();
  }
}

async function writeAll(
  { connection, source, fields }: RowsToWrite,
  file: FileHandle,
  writer: RowWriter,
): Promise<number> {
  const converters = fields.map(({ type }) => plainOf(type));
  const result = await connection.stream(source);
  let rows = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    for (const row of chunk.getRows()) {
      const bytes = writer.add(
        row.map((value, index) => (converters[index] as (typeof converters)[number])(value)),
      );
      if (bytes) await file.writeFile(bytes);
    }
    rows += chunk.rowCount;
  }
  await file.writeFile(writer.end());
  return rows;
}
