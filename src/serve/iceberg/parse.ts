import { MillraceError } from '../../core/errors.ts';
import { type Id, idOf } from '../../lake/iceberg/json.ts';

/** Parts of a request's body. Each names the place that is wrong: `updates[2].snapshot.manifest-list`. */

export interface JsonObject {
  readonly [name: string]: unknown;
}

const wrong = (path: string, expected: string, value: unknown): MillraceError =>
  new MillraceError(
    'MR_REQUEST_INVALID',
    `${path} must be ${expected}${value === undefined ? ' and is missing' : ''}.`,
  );

export function object(value: unknown, path: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as JsonObject;
  throw wrong(path, 'an object', value);
}

export function list<T>(
  value: unknown,
  path: string,
  parse: (item: unknown, path: string) => T,
): T[] {
  if (!Array.isArray(value)) throw wrong(path, 'a list', value);
  return value.map((item, index) => parse(item, `${path}[${index}]`));
}

export function text(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw wrong(path, 'a text', value);
}

export function flag(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value;
  throw wrong(path, 'true or false', value);
}

export function integer(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw wrong(path, 'an integer', value);
}

export function id(value: unknown, path: string): Id {
  if (typeof value !== 'bigint') return integer(value, path);
  if (BigInt.asIntN(64, value) === value) return idOf(value);
  throw wrong(path, 'an integer of 64 bits', value);
}

export function texts(value: unknown, path: string): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(object(value, path)).map(([name, one]) => [name, text(one, `${path}.${name}`)]),
  );
}

/** Absent and null are the same. */
export function maybe<T>(
  value: unknown,
  path: string,
  parse: (value: unknown, path: string) => T,
): T | undefined {
  return value === undefined || value === null ? undefined : parse(value, path);
}
