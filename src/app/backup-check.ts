import { asMillraceError } from '../core/errors.ts';
import type { Stores } from '../target/target.ts';
import { pinnedFileProblem } from './pinned-file.ts';

/**
 * What of logs and tables cannot be opened, or is missing: indexes are read, and each table's files followed from its
 * metadata. Of records and rows nothing is read.
 */
export async function differencesOf(stores: Stores): Promise<string[]> {
  const found: string[] = [];
  const { streams, deadLetters, createdStreams, tables } = stores;
  for (const logs of [streams, deadLetters, createdStreams])
    for (const name of await logs.names())
      await named(found, `log ${name}`, async () => (await logs.inspect(name)).damaged);
  for (const namespace of await tables.namespaces())
    for (const name of await tables.names(namespace))
      await named(found, `table ${namespace}.${name}`, () => ofTable(stores, namespace, name));
  return found;
}

async function named(
  found: string[],
  what: string,
  look: () => Promise<readonly string[]>,
): Promise<void> {
  try {
    for (const text of await look()) found.push(`${what}: ${text}`);
  } catch (error) {
    found.push(`${what}: ${asMillraceError(error, 'MR_INTERNAL').message}`);
  }
}

async function ofTable({ tables }: Stores, namespace: string, name: string) {
  const pin = await (await tables.find(namespace, name))?.pin();
  if (!pin) return ['its metadata is missing'];
  const found: string[] = [];
  for (const file of await pin.files()) {
    const problem = await pinnedFileProblem(pin, file);
    if (problem !== undefined) found.push(problem);
  }
  await pin.release();
  return found;
}
