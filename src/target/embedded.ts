import { chmod } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { open } from 'lmdb';
import type { BackupManifest } from '../backup/backup-store.ts';
import { backupFiles } from '../backup/embedded/backup-files.ts';
import { type BackupContext, FolderBackupStore } from '../backup/embedded/folder-backup-store.ts';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { Logger } from '../core/logger.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import { ChildRenderer } from '../dashboard/embedded/child-renderer.ts';
import { S3Target } from '../deliver/aws/s3-target.ts';
import { FilesDelivery } from '../deliver/embedded/files-delivery.ts';
import { FolderTarget } from '../deliver/embedded/folder-target.ts';
import { TableDelivery } from '../deliver/embedded/table-delivery.ts';
import { positionText } from '../deliver/files-state.ts';
import { LmdbKeyStore } from '../govern/embedded/lmdb-key-store.ts';
import { LmdbUserStore } from '../govern/embedded/lmdb-user-store.ts';
import { sealingKey } from '../govern/embedded/sealed-secret.ts';
import { SlicedDedupeWindow } from '../ingest/embedded/sliced-dedupe-window.ts';
import { FileCatalog } from '../lake/embedded/file-catalog.ts';
import { FileTableStore } from '../lake/embedded/file-table-store.ts';
import { TableMaintenance } from '../lake/embedded/table-maintenance.ts';
import { TableRegistry } from '../lake/embedded/table-registry.ts';
import { DuckdbLiveEngine } from '../live/embedded/duckdb-live-engine.ts';
import { LmdbLookupStore } from '../lookup/embedded/lmdb-lookup-store.ts';
import { TableModelRunner } from '../model/embedded/table-model-runner.ts';
import { DuckdbQueryEngine } from '../query/embedded/duckdb-query-engine.ts';
import { QueryLog } from '../query/query-log.ts';
import type { SavedQuery } from '../query/saved-query.ts';
import { S3Client } from '../s3/client.ts';
import { type Environment, s3Settings } from '../s3/settings.ts';
import { LmdbRunStore, markInterrupted } from '../schedule/embedded/lmdb-run-store.ts';
import { S3RawZone } from '../stream/aws/s3-raw-zone.ts';
import { FileAttributeStore } from '../stream/embedded/file-attribute-store.ts';
import { FolderRawZone } from '../stream/embedded/folder-raw-zone.ts';
import type { LogContext } from '../stream/embedded/segment-stream-log.ts';
import { type RawZones, SegmentStreamStore } from '../stream/embedded/segment-stream-store.ts';
import type { DeliveryAttributes, StreamAttributes } from '../stream/stream-attributes.ts';
import type { StreamStore } from '../stream/stream-store.ts';
import { openLake } from './lake.ts';
import type { Stores, Target } from './target.ts';

export interface EmbeddedOptions {
  /** The data folder. */
  readonly folder: string;
  /** `s3://bucket/prefix` for tables in a bucket; undefined for where they are already. */
  readonly lake?: string | undefined;
  /** Who asks for what is kept in S3, in the variables that all AWS tools take. */
  readonly environment: Environment;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFatal: (error: MillraceError) => void;
  readonly allowedLocations: readonly string[];
}

/** A relative one begins beside the data, so that both can be moved together. */
function folderOutside(data: string, option: string, place: string): string {
  const path = resolve(dirname(data), place);
  if (path !== data && !path.startsWith(`${data}${sep}`)) return path;
  throw new MillraceError(
    'MR_DEFINITION_INVALID',
    `${option} '${place}' is in the data folder, ${data}, where files are removed that nobody knows. Give a folder outside it.`,
  );
}

/** What is in files alone: also of a folder that nobody owns, and of a backup. */
export function storesOf(
  files: FileSystem,
  folder: string,
  context: Omit<LogContext, 'files'>,
  { rawZones, registry }: { readonly rawZones?: RawZones; readonly registry?: TableRegistry } = {},
): Stores {
  const log = { files, ...context };
  return {
    files,
    streams: new SegmentStreamStore(join(folder, 'streams'), log, rawZones),
    deadLetters: new SegmentStreamStore(join(folder, 'deadletters'), log),
    createdStreams: new SegmentStreamStore(join(folder, 'created'), log),
    tables: new FileTableStore(registry ?? new TableRegistry(join(folder, 'lake'), log)),
  };
}

/** The backups in a folder, and each of them as the stores it is a copy of. */
export function backupsIn(folder: string, context: BackupContext & { readonly logger: Logger }) {
  const store = new FolderBackupStore(folder, context);
  const { files, clock, logger } = context;
  const onFatal = () => {};
  return {
    store,
    storesOf: (manifest: BackupManifest): Stores =>
      storesOf(
        backupFiles(files, manifest, (file) => store.contentOf(file)),
        manifest.folder,
        { clock, logger, onFatal },
      ),
  };
}

const filesStateFile = (folder: string, stream: string): string =>
  join(folder, 'streams', stream, 'files.json');

async function filesPositions(files: FileSystem, folder: string, streams: StreamStore) {
  const positions: { path: string; text: string }[] = [];
  for (const name of await streams.names()) {
    const path = filesStateFile(folder, name);
    if (await files.exists(path))
      positions.push({ path, text: positionText((await files.readFile(path)).toString()) });
  }
  return positions;
}

/** Everything in one folder of this machine. */
export async function embedded({
  folder,
  lake: place,
  allowedLocations,
  environment,
  clock,
  logger,
  onFatal,
}: EmbeddedOptions): Promise<Target> {
  const files = nodeFileSystem();
  await files.makeFolder(join(folder, 'system'));
  // Hashes of passwords are in here, and the data folder may be one that others can read.
  await chmod(join(folder, 'system'), 0o700);
  // overlappingSync trusts pages that were not flushed when the boot id is the same (reliability.md §6.1).
  const system = open({
    path: join(folder, 'system', 'system.mdb'),
    maxDbs: 32,
    overlappingSync: false,
    // Its batches have promises of their own that no one can wait for: a failed commit would end the process.
    eventTurnBatching: false,
  });
  const lookups = new LmdbLookupStore(join(folder, 'system', 'lookups.mdb'));
  const runs = new LmdbRunStore(system);
  await markInterrupted(runs);
  const log = { clock, logger, onFatal };
  // What was unpacked for a process that is gone.
  await files.remove(join(folder, 'cache', 'raw'));
  const attributesIn = (name: string) => join(folder, 'system', name);
  const streamAttributes = await FileAttributeStore.open<StreamAttributes>(
    files,
    attributesIn('streams.json'),
  );
  const deliveryAttributes = await FileAttributeStore.open<DeliveryAttributes>(
    files,
    attributesIn('deliveries.json'),
  );
  const savedQueries = await FileAttributeStore.open<SavedQuery>(
    files,
    attributesIn('saved-queries.json'),
  );
  const queryLog = await QueryLog.open({
    files,
    path: attributesIn('queries.json'),
    clock,
    logger,
  });
  const sealing = await sealingKey(files, join(folder, 'system', 'sealing.key'));
  // Last: a lake in a bucket is ours from here on.
  const lake = await openLake({ folder, place, allowedLocations, environment, files, ...log });
  const rawZones = {
    cache: join(folder, 'cache', 'raw'),
    zoneAt: (place: string) =>
      place.startsWith('s3://')
        ? new S3RawZone({ files, clock, settings: s3Settings(environment, place, 'raw.to') })
        : new FolderRawZone({ files, folder: folderOutside(folder, 'raw.to', place) }),
  };
  const filesTargetAt = (place: string, stream: string) =>
    place.startsWith('s3://')
      ? new S3Target({
          client: new S3Client(s3Settings(environment, place, 'files.to'), clock),
          files,
          staging: join(folder, 'streams', stream, 'files'),
        })
      : new FolderTarget(files, folderOutside(folder, 'files.to', place));
  const stores = storesOf(files, folder, log, { rawZones, registry: lake.registry });
  return {
    ...stores,
    streamAttributes,
    deliveryAttributes,
    savedQueries,
    queryLog,
    checkRawZone: (place) => void rawZones.zoneAt(place),
    checkFilesTarget: (place) => void filesTargetAt(place, ''),
    openDedupeWindow: (settings) =>
      SlicedDedupeWindow.open({
        ...settings,
        files,
        folder: join(folder, 'streams', settings.log.name, 'ids'),
        clock,
        logger,
      }),
    catalog: new FileCatalog(lake.registry, lake.clientSettings),
    tableFolder: lake.readFolder,
    bucket: lake.bucket,
    lookups,
    runs,
    keys: new LmdbKeyStore(system, sealing),
    users: new LmdbUserStore(system),
    copyRecords: (path) => system.backup(path, false),
    createDelivery: (options) => new TableDelivery(options),
    openFilesDelivery: (options) =>
      FilesDelivery.open({
        ...options,
        files,
        stateFile: filesStateFile(folder, options.log.name),
        targetAt: (place) => filesTargetAt(place, options.log.name),
      }),
    filesPositions: () => filesPositions(files, folder, stores.streams),
    createMaintenance: (options) => new TableMaintenance(options),
    createModelRunner: (options) => new TableModelRunner(options),
    createQueryEngine: (options) => new DuckdbQueryEngine({ ...options, clock }),
    createLiveEngine: (child) => new DuckdbLiveEngine(child, clock),
    createRenderer: (start) => new ChildRenderer(start, clock),
    close: async () => {
      try {
        await queryLog.close();
        await lake.close();
      } finally {
        await lookups.close();
        await system.close();
      }
    },
  };
}
