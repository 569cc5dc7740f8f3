/** Names that stay below where they are put: in a folder, or behind a prefix. */
import { invariant } from './errors.ts';

const NAME_PART = /^[A-Za-z0-9_.-]+$/;

/** Parts of letters, digits, `-`, `_` and `.`, with `/` between them; none of them is `.` or `..`. */
export function isObjectName(name: string): boolean {
  return name.split('/').every((part) => NAME_PART.test(part) && part !== '.' && part !== '..');
}

/** @throws MillraceError MR_INTERNAL where the name is none: names are made by us, never by a user. */
export function checkObjectName(name: string): void {
  invariant(isObjectName(name), `'${name}' is no name of an object in a raw zone`);
}
