/** Where files of tables are, as Iceberg writes it: a URI with its scheme; earlier data folders have plain paths. */

export const fileLocation = (path: string): string => `file://${path}`;

/** The path of a file on this machine; other schemes stay as they are. */
export const localPath = (location: string): string => location.replace(/^file:(\/\/)?(?=\/)/, '');

/** Local files are given by path: whether they are there can be asked. */
export const isLocal = (location: string): boolean =>
  location.startsWith('/') || location.startsWith('file:');
