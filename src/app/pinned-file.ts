import type { PinnedFile, TablePin } from '../lake/table-store.ts';

/** What is wrong with a file of a table before it is opened; undefined where nothing is. */
export async function pinnedFileProblem(
  pin: TablePin,
  file: PinnedFile,
): Promise<string | undefined> {
  const bytes = await pin.bytesOf(file);
  if (bytes === undefined) return `${file.path} is missing`;
  const { data } = file;
  if (!data || bytes === data.bytes) return undefined;
  return `${file.path} has ${bytes} bytes; the manifest says ${data.bytes}`;
}
