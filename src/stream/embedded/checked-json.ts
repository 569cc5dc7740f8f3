import { crc32 } from 'node:zlib';
import { MillraceError } from '../../core/errors.ts';

/** JSON that people can read and that tells when a bit of it has changed: `check` is the CRC-32 of the rest. */
export function checkedJson(value: object): string {
  return `${JSON.stringify({ ...value, check: checkOf(value) }, null, 1)}\n`;
}

const checkOf = (value: object): string =>
  crc32(JSON.stringify(value)).toString(16).padStart(8, '0');

/**
 * @param consequence what the damage means and what to do
 * @throws MillraceError MR_STORAGE_FORMAT where it is damaged
 */
export function readCheckedJson(path: string, bytes: Buffer, consequence: string): object {
  let parsed: { check?: unknown };
  try {
    parsed = JSON.parse(bytes.toString()) as { check?: unknown };
  } catch (error) {
    throw damaged(path, (error as Error).message, consequence);
  }
  const { check, ...value } = parsed;
  if (check !== checkOf(value) && !isUnchecked(value))
    throw damaged(path, 'its checksum does not match', consequence);
  return value;
}

/** Files of format 1 have no checksum. */
const isUnchecked = (value: object): boolean => 'format' in value && value.format === 1;

const damaged = (path: string, why: string, consequence: string): MillraceError =>
  new MillraceError('MR_STORAGE_FORMAT', `${path} is damaged: ${why}. ${consequence}`);
