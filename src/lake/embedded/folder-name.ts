import { createHash } from 'node:crypto';

const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$/;

/**
 * Names of other programs may have any character; folders have only those that every reader of locations
 * takes as they are, and none that a file of the lake itself has.
 */
export function folderName(name: string): string {
  if (PLAIN.test(name)) return name;
  const readable = name.slice(0, 60).replace(/[^A-Za-z0-9_-]/g, '_');
  return `${readable}-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
}
