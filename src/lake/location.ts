import { resolve } from 'node:path';

/** Where files of tables are, as Iceberg writes it: a URI with its scheme; earlier data folders have plain paths. */

const BUCKET_SCHEME = 's3://';

export const isInBucket = (place: string): boolean => place.startsWith(BUCKET_SCHEME);

export const fileLocation = (path: string): string => (isInBucket(path) ? path : `file://${path}`);

/** The path of a file on this machine; other schemes stay as they are. */
export const localPath = (location: string): string => location.replace(/^file:(\/\/)?(?=\/)/, '');

/** Local files are given by path: whether they are there can be asked. */
export const isLocal = (location: string): boolean =>
  location.startsWith('/') || location.startsWith('file:');

/** A place below another: `join` of `node:path` would take a slash out of `s3://`. */
export const placeIn = (folder: string, ...names: readonly string[]): string =>
  [folder, ...names].join('/');

/** The same place written in one way. */
export const plainPlace = (place: string): string =>
  isInBucket(place) ? place.replace(/\/+$/, '') : resolve(place);
