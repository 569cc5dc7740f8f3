import { createHash, randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Damage } from '../../core/checked-file.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { folderBytes } from '../../core/folder-bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import type { RawZone } from '../raw-zone.ts';
import type {
  LogContents,
  LogMoment,
  LogSettings,
  StreamLog,
  StreamStore,
  StreamsHold,
} from '../stream-store.ts';
import { IdempotencyWindow } from './idempotency-window.ts';
import type { CommitEntry } from './index-format.ts';
import {
  entriesEpoch,
  type LogDescription,
  newDescription,
  putBack,
  withSettings,
} from './log-description.ts';
import { filesOfFolder } from './log-moment.ts';
import { NamedConsumers } from './named-consumers.ts';
import { setAside } from './quarantine.ts';
import { RawSegments } from './raw-segments.ts';
import type { ReadSegment } from './segment.ts';
import { SegmentFolder } from './segment-folder.ts';
import { type LogContext, SegmentStreamLog } from './segment-stream-log.ts';

export interface RawZones {
  /** @throws MillraceError MR_DEFINITION_INVALID for a place that cannot be used */
  zoneAt(place: string): RawZone;
  /** Where segments are unpacked while they are read. */
  readonly cache: string;
}

/** File systems take names of 255 bytes. */
const FOLDER_NAME_MAX = 200;

/** A name that any file system can have, and no two streams: those of definitions are what they were. */
function folderOfName(name: string): string {
  const folder = name.replace(
    /[^a-z0-9_-]/g,
    (character) => `=${character.charCodeAt(0).toString(16)}`,
  );
  if (folder.length <= FOLDER_NAME_MAX) return folder;
  return `${folder.slice(0, FOLDER_NAME_MAX / 2)}=${createHash('sha256').update(name).digest('hex')}`;
}

const nameOfFolder = (folder: string): string =>
  folder.replace(/=([0-9a-f]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );

/** Logs as folders of segment files below `folder`. */
export class SegmentStreamStore implements StreamStore {
  readonly #folder: string;
  readonly #context: LogContext;
  readonly #rawZones: RawZones | undefined;
  readonly #logs = new Map<string, SegmentStreamLog>();
  #holds = 0;

  constructor(folder: string, context: LogContext, rawZones?: RawZones) {
    this.#folder = folder;
    this.#context = context;
    this.#rawZones = rawZones;
  }

  #pathOf(name: string): string {
    return join(this.#folder, folderOfName(name));
  }

  async names(): Promise<string[]> {
    return (await this.#context.files.list(this.#folder))
      .filter((entry) => entry.isFolder)
      .map((entry) => nameOfFolder(entry.name));
  }

  async rename(from: string, to: string): Promise<void> {
    const { files } = this.#context;
    const [before, after] = [this.#pathOf(from), this.#pathOf(to)];
    if (!(await files.exists(before)) || (await files.exists(after))) return;
    await files.rename(before, after);
    await files.syncFolder(this.#folder);
  }

  bytes(name: string): Promise<number> {
    return folderBytes(this.#context.files, this.#pathOf(name));
  }

  async remove(name: string): Promise<void> {
    const { files } = this.#context;
    const path = this.#pathOf(name);
    if (!(await files.exists(path))) return;
    await files.remove(path);
    await files.syncFolder(this.#folder);
  }

  async open(settings: LogSettings): Promise<StreamLog> {
    const { files, clock } = this.#context;
    const folder = await SegmentFolder.open(files, this.#pathOf(settings.name));
    const { read, answersOnly, ...opened } = folder.opened;
    const segments = read.map(({ segment }) => segment);
    const next = segments.at(-1)?.nextSequence ?? 0;
    const known = this.#lineOf(opened.description ?? newDescription(settings), settings, next);
    const raw = await this.#openRaw(settings, { folder: folder.path, known, next });
    const first = segments[0]?.firstSequence ?? 0;
    const description = withSettings(known, settings, {
      first: raw?.below(first)[0]?.firstSequence ?? first,
      next,
    });
    if (description !== opened.description) await folder.writeDescription(description);
    const oldest = clock.now() - LIMITS.idempotencyWindowMs;
    const answers = await readWindow(files, [...answersOnly, ...read], oldest);
    const named = await NamedConsumers.open(files, folder.path);
    const damaged = [
      ...opened.damaged,
      ...read.flatMap((segment) => segment.damaged),
      ...answers.damaged,
      ...named.damaged,
      ...(raw?.damaged ?? []),
    ];
    await this.#report(settings.name, damaged);
    const log = new SegmentStreamLog(
      {
        name: settings.name,
        folder,
        description,
        retention: settings.retention,
        segments,
        damaged: damaged.map(({ text }) => text),
        window: answers.window,
        named: named.consumers,
        raw,
        isHeld: () => this.#holds > 0,
      },
      this.#context,
    );
    this.#logs.set(settings.name, log);
    return log;
  }

  async hold(): Promise<StreamsHold> {
    this.#holds += 1;
    const open = () => [...this.#logs.values()].filter((log) => !log.isClosed);
    await Promise.all(open().map((log) => log.removed()));
    const still = new Map<string, LogMoment>();
    for (const name of await this.names()) {
      const folder = this.#pathOf(name);
      still.set(name, { name, folder, files: await filesOfFolder(this.#context.files, folder) });
    }
    return {
      moment: () => [
        ...new Map([...still, ...open().map((log) => [log.name, log.moment()] as const)]).values(),
      ],
      release: () => {
        this.#holds -= 1;
      },
    };
  }

  /** S14: numbers that consumers have are not there any more, and are given again. */
  #lineOf(
    known: LogDescription,
    { name, checkpoints = [] }: LogSettings,
    next: number,
  ): LogDescription {
    const ahead = checkpoints.filter((one) => one.epoch === known.epoch && one.next > next);
    if (ahead.length === 0) return known;
    const reached = Math.max(...ahead.map((one) => one.next));
    this.#context.logger.error(
      { stream: name, next, reached },
      'the log ends before what was read of it: it was put back, or its end was lost',
    );
    return putBack(known, next);
  }

  async inspect(name: string): Promise<LogContents> {
    const { opened } = await SegmentFolder.open(this.#context.files, this.#pathOf(name));
    const damaged = [...opened.damaged, ...opened.read.flatMap((segment) => segment.damaged)];
    return {
      nextSequence: opened.read.at(-1)?.segment.nextSequence ?? 0,
      damaged: damaged.map(({ text }) => text),
    };
  }

  async putBack(name: string): Promise<void> {
    const folder = await SegmentFolder.open(this.#context.files, this.#pathOf(name));
    const { description, read } = folder.opened;
    if (description)
      await folder.writeDescription(putBack(description, read.at(-1)?.segment.nextSequence ?? 0));
  }

  async #openRaw(
    { name, raw }: LogSettings,
    {
      folder,
      known,
      next,
    }: { readonly folder: string; readonly known: LogDescription; readonly next: number },
  ): Promise<RawSegments | undefined> {
    if (!raw || !this.#rawZones) return undefined;
    const { cache, zoneAt } = this.#rawZones;
    const { files, clock, logger } = this.#context;
    const options = {
      stream: name,
      epoch: known.epoch,
      entriesEpoch: entriesEpoch(known),
      keepMs: raw.keepMs,
      place: raw.to,
      zoneAt,
      files,
      clock,
      logger,
      folder,
      cache: join(cache, name, randomUUID()),
    };
    return RawSegments.open(options, next);
  }

  async #report(name: string, damaged: readonly Damage[]): Promise<void> {
    for (const { text } of damaged)
      this.#context.logger.error(
        { stream: name, place: text },
        'damaged log; reading goes on behind it',
      );
    const quarantine = join(dirname(this.#folder), 'quarantine', basename(this.#folder));
    await setAside(this.#context, join(quarantine, name), damaged);
  }
}

/** The answers to keyed requests that are still remembered; damaged ones are named, and their keys forgotten. */
async function readWindow(
  files: FileSystem,
  read: readonly ReadSegment[],
  oldestMs: number,
): Promise<{ window: IdempotencyWindow; damaged: Damage[] }> {
  const window = new IdempotencyWindow(files);
  const damaged: Damage[] = [];
  for (const { segment, entries } of read) {
    const { metadataFile: file } = segment;
    const recent = entries.filter((entry) => entry.metadataLength > 0 && entry.timeMs >= oldestMs);
    if (recent.length === 0) continue;
    const metadata = (await files.exists(file)) ? await files.readFile(file) : Buffer.alloc(0);
    for (const entry of recent) {
      const start = entry.metadataPosition;
      const lines = metadata.subarray(start, start + entry.metadataLength);
      if (lines.length === entry.metadataLength && crc32(lines) === entry.metadataCrc)
        window.add(lines, file, start, entry.timeMs);
      else damaged.push(lostKeys(file, entry));
    }
  }
  return { window, damaged };
}

function lostKeys(file: string, entry: CommitEntry): Damage {
  const { metadataPosition: start, metadataLength, firstSequence, records } = entry;
  const end = start + metadataLength;
  return {
    text: `${file}: bytes ${start} to ${end}, idempotency keys of records ${firstSequence} to ${firstSequence + records - 1}`,
    places: [{ file, start, end }],
  };
}
