import type { TableMetadata } from './metadata.ts';

/**
 * Files of position deletes hold paths in their rows. Where a lake was moved, readers of ours find those files'
 * rows by what the paths are now; programs of others cannot, until the deletes are folded into the data files.
 */
export const MOVED_PROPERTY = 'millrace.moved';

/** What paths began with, and what they begin with now. */
export type MovedPaths = readonly (readonly [from: string, to: string])[];

export function movedPaths({ properties }: Pick<TableMetadata, 'properties'>): MovedPaths {
  const text = properties[MOVED_PROPERTY];
  return text === undefined ? [] : (JSON.parse(text) as MovedPaths);
}

/** With one more move; files from before an earlier one have been moved on. */
export function movedOn(known: MovedPaths, from: string, to: string): MovedPaths {
  const on = known.map(([first, last]): [string, string] => [
    first,
    last === from || last.startsWith(`${from}/`) ? `${to}${last.slice(from.length)}` : last,
  ]);
  return [...on, [from, to]];
}
