import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { AvroWriter } from '../wire/avro/writer.ts';
import type { RowsToWrite } from './file-formats.ts';
import { plainOf } from './plain-values.ts';

/** @returns how many rows are in the file */
export async function writeAvroRows(to: RowsToWrite): Promise<number> {
  const writer = new AvroWriter({
    fields: to.fields,
    name: 'record',
    codec: to.compression === 'none' ? 'null' : 'deflate',
    sync: randomBytes(16),
  });
  const file = await open(to.path, 'w');
  try {
    await file.writeFile(writer.header);
    return await writeBlocks(to, file, writer);
  } finally {
    await file.close();
  }
}

async function writeBlocks(
  { connection, source, fields }: RowsToWrite,
  file: FileHandle,
  writer: AvroWriter,
): Promise<number> {
  const converters = fields.map(({ type }) => plainOf(type));
  const result = await connection.stream(source);
  let rows = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    for (const row of chunk.getRows()) {
      const block = writer.add(
        row.map((value, index) => (converters[index] as (typeof converters)[number])(value)),
      );
      if (block) await file.writeFile(block);
    }
    rows += chunk.rowCount;
  }
  await file.writeFile(writer.end());
  return rows;
}
