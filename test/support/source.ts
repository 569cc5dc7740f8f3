import type { FileSource, SourceRow } from '../../src/source/source.ts';

/** All rows of a source. */
export async function rowsOf(source: Pick<FileSource, 'batches'>): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  for await (const batch of source.batches()) rows.push(...batch);
  return rows;
}
