import { join, relative, resolve, sep } from 'node:path';
import type { BackedUpLog, BackupManifest, BackupWriter } from '../backup/backup-store.ts';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { packageVersion } from '../core/package-version.ts';
import type { LakeTable, TablePin } from '../lake/table-store.ts';
import type { LogMoment, StreamsHold } from '../stream/stream-store.ts';
import { backupsIn } from '../target/embedded.ts';
import type { Target } from '../target/target.ts';
import { differencesOf } from './backup-check.ts';
import type { CreatedStreams } from './created-streams.ts';
import { lockFolder } from './data-folder.ts';
import type { Runtime } from './runtime.ts';

export interface BackupParts {
  /** The data folder. */
  readonly folder: string;
  readonly target: Target;
  readonly runtime: Runtime;
  readonly created: CreatedStreams;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface BackupRequest {
  /** Where backups are; made where it is not there. */
  readonly to: string;
  /** So many stay; all where it is absent. */
  readonly keep?: number;
}

export interface BackupProgress {
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface BackupResult {
  readonly id: string;
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** What was not there from earlier backups. */
  readonly copiedFiles: number;
  readonly copiedBytes: number;
  readonly removed: readonly string[];
  readonly notices: readonly string[];
  readonly outside: readonly string[];
}

/** Where a table is pinned: what is copied of it goes through here alone. */
const pinTable = (table: LakeTable): Promise<TablePin> => table.pin();

const SYSTEM_FILES = [
  'plan.json',
  'sealing.key',
  'streams.json',
  'streams.copy.json',
  'deliveries.json',
  'deliveries.copy.json',
  'saved-queries.json',
  'saved-queries.copy.json',
  'queries.json',
  // Tables in a bucket stay there; what is restored goes on with them.
  'lake.json',
];

type Kind = BackedUpLog['kind'];
type KnownMoment = LogMoment & { readonly kind: Kind };

/**
 * Copies the data folder while it is used. What is copied is of several moments, in an order that makes them one
 * (docs/decisions/0017): nothing is removed from here on; then the records of runs, keys and users; then the lookups;
 * then what the tables are; then, in one step, the ends of all logs. A position that lookup or table has is so never
 * beyond the log, the log still has what is behind it, and everything that was acknowledged before is in it.
 *
 * The caller keeps the pipeline from changing meanwhile.
 *
 * @throws MillraceError MR_BACKUP_REFUSED, MR_BACKUP_FAILED, MR_STORAGE_LOCKED where another backup is made there
 */
export async function backUp(
  parts: BackupParts,
  { to, keep }: BackupRequest,
  onProgress: (progress: BackupProgress) => void,
  signal: AbortSignal,
): Promise<BackupResult> {
  const place = resolve(to);
  refuseInside(place, parts.folder);
  const unlock = await lockFolder(place);
  try {
    const backups = backupsIn(place, { ...parts, files: parts.target.files });
    const run = new BackupRun(parts, await backups.store.begin(), { onProgress, signal });
    const manifest = await run.copy();
    const wrong = await differencesOf(backups.storesOf(manifest));
    const listed = { ...manifest, notices: [...manifest.notices, ...wrong] };
    await run.writer.end(listed);
    const removed = keep === undefined ? [] : await backups.store.keep(keep);
    const { files: copiedFiles, bytes: copiedBytes } = run.writer.copied;
    const { id, files, notices, outside } = listed;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const counts = { files: files.length, bytes, copiedFiles, copiedBytes };
    return { id, folder: place, ...counts, removed, notices, outside };
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    const { message } = error as Error;
    throw new MillraceError('MR_BACKUP_FAILED', `No backup was made in ${place}: ${message}`, {
      cause: error,
    });
  } finally {
    await unlock();
  }
}

function refuseInside(place: string, folder: string): void {
  if (place !== folder && !place.startsWith(`${folder}${sep}`)) return;
  throw new MillraceError(
    'MR_BACKUP_REFUSED',
    `${place} is in the data folder, ${folder}, and would be lost with it. Name a folder outside it, best on another disk.`,
  );
}

class BackupRun {
  readonly writer: BackupWriter;
  readonly #parts: BackupParts;
  readonly #onProgress: (progress: BackupProgress) => void;
  readonly #signal: AbortSignal;
  readonly #notices: string[] = [];
  readonly #release: (() => void | Promise<void>)[] = [];
  #bytes = 0;
  #totalBytes = 0;

  constructor(
    parts: BackupParts,
    writer: BackupWriter,
    {
      onProgress,
      signal,
    }: { readonly onProgress: (progress: BackupProgress) => void; readonly signal: AbortSignal },
  ) {
    this.#parts = parts;
    this.writer = writer;
    this.#onProgress = onProgress;
    this.#signal = signal;
  }

  async copy(): Promise<BackupManifest> {
    const startedMs = this.#parts.clock.now();
    try {
      const { logs, tables } = await this.#copyAll();
      return this.writer.manifest({
        millrace: packageVersion(),
        startedMs,
        endedMs: this.#parts.clock.now(),
        folder: this.#parts.folder,
        logs: logs.map(({ name, kind, nextSequence = null }) => ({ name, kind, nextSequence })),
        tables,
        notices: this.#notices,
        outside: this.#outside(),
      });
    } finally {
      for (const release of this.#release) await release();
    }
  }

  async #copyAll(): Promise<{ logs: readonly KnownMoment[]; tables: readonly string[] }> {
    const { target, created } = this.#parts;
    const holds: [Kind, StreamsHold][] = [
      ['stream', await this.#held(target.streams.hold())],
      ['dead letters', await this.#held(target.deadLetters.hold())],
    ];
    await this.#copyDatabase('system/system.mdb', (path) => target.copyRecords(path));
    await this.#copyDatabase('system/lookups.mdb', (path) => target.lookups.copy(path));
    const pins = await this.#pinTables();
    for (const { path, text } of await target.filesPositions())
      await this.#add(this.#pathOf(path), { text });
    const logs = await created.whileUnchanged(async () => {
      holds.push(['created stream', await this.#held(target.createdStreams.hold())]);
      const moments = holds.flatMap(([kind, hold]) =>
        hold.moment().map((moment): KnownMoment => ({ ...moment, kind })),
      );
      await this.#copySystemFiles();
      for (const log of moments.filter(({ kind }) => kind === 'created stream'))
        await this.#copyLog(log);
      return moments;
    });
    for (const pin of pins.values()) await this.#copyMetadata(pin);
    for (const log of logs) if (log.kind !== 'created stream') await this.#copyLog(log);
    for (const [name, pin] of pins) await this.#copyTable(name, pin);
    return { logs, tables: [...pins.keys()] };
  }

  async #held(holding: Promise<StreamsHold>): Promise<StreamsHold> {
    const hold = await holding;
    this.#release.push(() => hold.release());
    return hold;
  }

  async #copyDatabase(path: string, copy: (to: string) => Promise<void>): Promise<void> {
    const made = this.writer.place();
    await copy(made);
    await this.#add(path, { made });
  }

  async #pinTables(): Promise<Map<string, TablePin>> {
    const { target } = this.#parts;
    const pins = new Map<string, TablePin>();
    // Copying a bucket is for who keeps it: here it would all have to come through this machine.
    if (target.bucket !== undefined) return pins;
    for (const namespace of await target.tables.namespaces())
      for (const name of await target.tables.names(namespace)) {
        const table = await target.tables.find(namespace, name);
        if (!table) continue;
        const pin = await pinTable(table);
        this.#release.push(() => pin.release());
        pins.set(`${namespace}.${name}`, pin);
      }
    for (const { path, text } of await target.tables.catalogFiles((name) => pins.has(name)))
      await this.#add(this.#pathOf(path), { text });
    return pins;
  }

  async #copySystemFiles(): Promise<void> {
    const { folder, target } = this.#parts;
    for (const name of SYSTEM_FILES) {
      const file = join(folder, 'system', name);
      if (await target.files.exists(file)) await this.#add(`system/${name}`, { file });
    }
  }

  async #copyLog({ folder, files }: KnownMoment): Promise<void> {
    for (const { name, bytes, text } of files) {
      const file = join(folder, name);
      const part = bytes === undefined ? { file } : { file, bytes };
      await this.#add(this.#pathOf(file), text === undefined ? part : { text });
    }
  }

  async #copyMetadata({ metadataFile, pointer }: TablePin): Promise<void> {
    await this.#add(this.#pathOf(metadataFile), { file: metadataFile });
    await this.#add(this.#pathOf(pointer.path), { text: pointer.text });
  }

  async #copyTable(name: string, pin: TablePin): Promise<void> {
    const files = await pin.files();
    this.#totalBytes += files.reduce((sum, { data }) => sum + (data?.bytes ?? 0), 0);
    for (const { path, data } of files) {
      if (this.#pathOf(path).startsWith('../')) {
        this.#notices.push(
          `${path} of table ${name} is outside the data folder and was not copied.`,
        );
        continue;
      }
      const before = this.#bytes;
      await this.#add(this.#pathOf(path), { file: path });
      // What an earlier backup has is done, too.
      if (data) this.#done(data.bytes - (this.#bytes - before));
    }
    this.#parts.logger.debug({ table: name, files: files.length }, 'table was copied');
  }

  /** Raw zones, delivered files, and tables in a bucket are elsewhere for good reason, and stay there. */
  #outside(): string[] {
    const { target, runtime } = this.#parts;
    const zones = runtime.plan.streams.flatMap(({ name, raw, files }) => [
      ...(raw ? [`the raw zone of ${name}: ${raw.to}`] : []),
      ...(files ? [`the files of ${name}: ${files.to}`] : []),
    ]);
    return target.bucket === undefined ? zones : [`the tables: ${target.bucket}`, ...zones];
  }

  #pathOf(file: string): string {
    return relative(this.#parts.folder, file).split(sep).join('/');
  }

  async #add(path: string, source: Parameters<BackupWriter['add']>[1]): Promise<void> {
    this.#signal.throwIfAborted();
    const isThere = await this.writer.add(path, source, (bytes) => {
      this.#done(bytes);
      this.#signal.throwIfAborted();
    });
    if (!isThere)
      this.#notices.push(
        `${path} is missing, and so it is in the backup. See what \`millrace verify\` finds.`,
      );
  }

  #done(bytes: number): void {
    this.#bytes += bytes;
    this.#totalBytes = Math.max(this.#totalBytes, this.#bytes);
    this.#onProgress({ bytes: this.#bytes, totalBytes: this.#totalBytes });
  }
}
