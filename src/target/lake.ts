import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import { CachedDataFiles } from '../lake/aws/cached-data-files.ts';
import { probeLake } from '../lake/aws/conditions.ts';
import { FileCache } from '../lake/aws/file-cache.ts';
import { LakeLock } from '../lake/aws/lake-lock.ts';
import { S3FileSystem } from '../lake/aws/s3-file-system.ts';
import { S3Objects } from '../lake/aws/s3-objects.ts';
import type { ClientSettings } from '../lake/catalog.ts';
import { CatalogFile } from '../lake/embedded/catalog-file.ts';
import { TableRegistry } from '../lake/embedded/table-registry.ts';
import { type Environment, type S3Settings, s3Settings } from '../s3/settings.ts';

export interface LakeOptions {
  /** The data folder. */
  readonly folder: string;
  /** `s3://bucket/prefix`; undefined for where the tables are already, which is the data folder at first. */
  readonly place: string | undefined;
  /** Folders beside the lake that tables of other programs may have files in. */
  readonly allowedLocations: readonly string[];
  readonly environment: Environment;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFatal: (error: MillraceError) => void;
}

export interface Lake {
  readonly registry: TableRegistry;
  readonly clientSettings: ClientSettings;
  /** Where on this machine data files of tables are read. */
  readonly readFolder: string;
  /** Where the tables are, if they are in a bucket. */
  readonly bucket: string | undefined;
  close(): Promise<void>;
}

const cacheFolder = (folder: string): string => join(folder, 'cache', 'lake');

/** The tables of a data folder: in it, or in a bucket. */
export async function openLake(options: LakeOptions): Promise<Lake> {
  const { folder, files, clock, logger, allowedLocations } = options;
  const place = await lakePlace(options);
  if (place !== undefined) return openBucket(place, options);
  const root = join(folder, 'lake');
  await files.makeFolder(root);
  return {
    registry: new TableRegistry(root, { files, clock, logger, allowedLocations }),
    clientSettings: {},
    readFolder: root,
    bucket: undefined,
    close: async () => {},
  };
}

async function openBucket(place: string, options: LakeOptions): Promise<Lake> {
  const { folder, environment, files, clock, logger, onFatal } = options;
  if (options.allowedLocations.length > 0)
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      `--allow-location names folders of this machine, and the tables are in ${place}: they have all their files there. Leave it out.`,
    );
  const settings = s3Settings(environment, place, OPTION);
  const objects = new S3Objects(settings, clock);
  const lock = await LakeLock.take({
    objects,
    owner: { host: hostname(), pid: process.pid, folder },
    clock,
    logger,
    onLost: onFatal,
  });
  const staging = join(folder, 'staging');
  const cache = await ownFolders(options, objects.place, staging).catch(async (error: unknown) => {
    await lock.release();
    throw error;
  });
  const dataFiles = new CachedDataFiles({ objects, cache, files, staging, clock });
  const context = { files: new S3FileSystem(objects), dataFiles, clock, logger };
  return {
    registry: new TableRegistry(objects.place, context),
    clientSettings: clientSettings(settings),
    readFolder: cache.folder,
    bucket: objects.place,
    close: async () => {
      cache.close();
      await lock.release();
    },
  };
}

async function ownFolders(
  options: LakeOptions,
  place: string,
  staging: string,
): Promise<FileCache> {
  const { folder, files, clock } = options;
  await rememberPlace(options, place);
  // What was written for a commit that a crash cut off: its records are in the log.
  await files.remove(staging);
  await files.makeFolder(staging);
  return FileCache.open({
    files,
    folder: cacheFolder(folder),
    bytesMax: LIMITS.lakeCacheBytesMax,
    clock,
  });
}

/** Iceberg's clients sign with credentials of their own. */
const clientSettings = ({ endpoint, region }: S3Settings): ClientSettings => ({
  'client.region': region,
  ...(endpoint ? { 's3.endpoint': endpoint, 's3.path-style-access': 'true' } : {}),
});

const OPTION = '--lake';

const placeFile = (folder: string): string => join(folder, 'system', 'lake.json');

/** Tables do not move by themselves, so the place they have once is the place they keep. */
async function lakePlace(options: LakeOptions): Promise<string | undefined> {
  const { folder, place, files } = options;
  const asked = place?.replace(/\/+$/, '');
  const known = await knownPlace(folder, files);
  if (asked === undefined || asked === known) return known;
  const stored = known ?? ((await hasTables(options)) ? join(folder, 'lake') : undefined);
  if (stored === undefined) return asked;
  throw new MillraceError(
    'MR_COMMAND_USAGE',
    `The tables of ${folder} are in ${stored}, and do not move to ${asked} by themselves. Leave --lake and MILLRACE_LAKE out to go on there, or take another data folder with --data.`,
  );
}

/** Where the tables of a data folder are, if they are in a bucket. */
async function knownPlace(folder: string, files: FileSystem): Promise<string | undefined> {
  const path = placeFile(folder);
  if (!(await files.exists(path))) return undefined;
  const text = (await files.readFile(path)).toString();
  const place = /^\{"place":("s3:\/\/[^"]+")\}\s*$/.exec(text)?.[1];
  if (place !== undefined) return JSON.parse(place) as string;
  throw new MillraceError(
    'MR_STORAGE_DAMAGED',
    `${path} does not say any more which bucket the tables are in. Write {"place":"s3://bucket/prefix"} into it, as it was given with --lake.`,
  );
}

async function hasTables({ folder, files, logger }: LakeOptions): Promise<boolean> {
  const root = join(folder, 'lake');
  const contents = await new CatalogFile(root, files, logger).read();
  if (contents) return contents.entries.length > 0;
  // One from before there was a catalog file.
  for (const namespace of ['lake', 'warehouse'])
    if ((await files.list(join(root, namespace))).length > 0) return true;
  return false;
}

async function rememberPlace({ folder, files }: LakeOptions, place: string): Promise<void> {
  await files.replaceFile(placeFile(folder), `${JSON.stringify({ place })}\n`);
}

export interface LakeReport {
  readonly place: string;
  /** How SQL reads data files. */
  readonly reading: string;
}

/**
 * Tries what a lake in a bucket needs; undefined where the tables are in the data folder.
 * @throws MillraceError MR_LAKE_UNAVAILABLE naming what failed
 */
export async function examineLake(
  options: Pick<LakeOptions, 'folder' | 'place' | 'environment' | 'files' | 'clock'>,
): Promise<LakeReport | undefined> {
  const { folder, environment, files, clock } = options;
  const place = options.place ?? (await knownPlace(folder, files));
  if (place === undefined) return undefined;
  const objects = new S3Objects(s3Settings(environment, place, OPTION), clock);
  await probeLake(objects);
  return {
    place: objects.place,
    reading: `SQL reads data files from ${cacheFolder(folder)}, where up to ${LIMITS.lakeCacheBytesMax / 1024 ** 3} GB of them are kept; DuckDB's httpfs is not used`,
  };
}
