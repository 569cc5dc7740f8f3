import { randomUUID } from 'node:crypto';
import { MillraceError } from '../../core/errors.ts';
import { placeIn } from '../location.ts';
import type { S3Objects } from './s3-objects.ts';

/** No object has it: one is the hash of bytes. */
const NO_ETAG = '"00000000000000000000000000000000"';

/**
 * That the server keeps to conditions of writes, without which two writers lose each other's commits.
 * @param location an object that is there; it stays as it is
 * @throws MillraceError MR_LAKE_UNAVAILABLE
 */
export async function requireConditions(objects: S3Objects, location: string): Promise<void> {
  const stored = await objects.read(location);
  // Others than those that are there, which a first try would have put there; a space more is the same JSON.
  const bytes = Buffer.concat([stored?.bytes ?? Buffer.alloc(0), Buffer.from(' ')]);
  if (await objects.create(location, bytes)) throw ignores(objects, 'If-None-Match');
  try {
    await objects.swap(location, bytes, NO_ETAG);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'MR_TABLE_COMMIT_CONFLICT') return;
    throw error;
  }
  throw ignores(objects, 'If-Match');
}

const ignores = ({ place }: S3Objects, condition: string): MillraceError =>
  new MillraceError(
    'MR_LAKE_UNAVAILABLE',
    `${place}: the server pays no heed to ${condition} of a write, without which commits would be lost. AWS and MinIO do; take a newer version of the server.`,
  );

/**
 * Does once what a lake needs.
 * @throws MillraceError MR_LAKE_UNAVAILABLE naming what failed
 */
export async function probeLake(objects: S3Objects): Promise<void> {
  const folder = placeIn(objects.place, `probe-${randomUUID()}`);
  const location = placeIn(folder, 'a b+c=d');
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['put', () => objects.create(location, Buffer.from('1'))],
    ['get', async () => (await objects.read(location))?.bytes.toString() === '1'],
    ['list', async () => (await objects.list(folder, { deep: false })).objects.join() === location],
    ['conditional put', async () => requireConditions(objects, location)],
    ['delete', () => objects.remove(location)],
    ['get after delete', async () => (await objects.read(location)) === undefined],
  ];
  for (const [what, step] of steps) {
    if ((await step()) === false)
      throw new MillraceError(
        'MR_LAKE_UNAVAILABLE',
        `${objects.place}: ${what} did not do what it says.`,
      );
  }
}
