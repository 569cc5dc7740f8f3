import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { LIMITS } from '../../core/limits.ts';
import type { LogSettings, StreamLog, StreamStore } from '../stream-store.ts';
import { IdempotencyWindow } from './idempotency-window.ts';
import type { CommitEntry } from './index-format.ts';
import { describeLog } from './log-description.ts';
import { setAside } from './quarantine.ts';
import { readClosed, recoverNewest } from './recovery.ts';
import type { Damage, ReadSegment } from './segment.ts';
import { finishRemovals } from './segment-removal.ts';
import { type LogContext, SegmentStreamLog } from './segment-stream-log.ts';

/** Logs as folders of segment files below `folder`. */
export class SegmentStreamStore implements StreamStore {
  readonly #folder: string;
  readonly #context: LogContext;

  constructor(folder: string, context: LogContext) {
    this.#folder = folder;
    this.#context = context;
  }

  async names(): Promise<string[]> {
    return (await this.#context.files.list(this.#folder))
      .filter((entry) => entry.isFolder)
      .map((entry) => entry.name);
  }

  async rename(from: string, to: string): Promise<void> {
    const { files } = this.#context;
    const [before, after] = [join(this.#folder, from), join(this.#folder, to)];
    if (!(await files.exists(before)) || (await files.exists(after))) return;
    await files.rename(before, after);
    await files.syncFolder(this.#folder);
  }

  async open(settings: LogSettings): Promise<StreamLog> {
    const { files } = this.#context;
    const folder = join(this.#folder, settings.name);
    await files.makeFolder(folder);
    const quarantine = join(dirname(this.#folder), 'quarantine', basename(this.#folder));
    const described = await describeLog(files, folder, settings);
    const { description } = described;
    const epoch = Buffer.from(description.epoch.replaceAll('-', ''), 'hex');
    await finishRemovals(files, folder);
    const read = await this.#readSegments(folder, epoch);
    const answers = await this.#readWindow(read);
    const damaged = [
      ...described.damaged,
      ...read.flatMap((segment) => segment.damaged),
      ...answers.damaged,
    ];
    for (const { text } of damaged)
      this.#context.logger.error(
        { stream: settings.name, place: text },
        'damaged log; reading goes on behind it',
      );
    await setAside(this.#context, join(quarantine, settings.name), damaged);
    return new SegmentStreamLog(
      {
        name: settings.name,
        folder,
        epoch: description.epoch,
        shards: description.shards,
        retentionMs: settings.retentionMs,
        schemas: description.schemas,
        segments: read.map(({ segment }) => segment),
        damaged: damaged.map(({ text }) => text),
      },
      this.#context,
      answers.window,
    );
  }

  async #readSegments(folder: string, epoch: Buffer): Promise<ReadSegment[]> {
    const { files } = this.#context;
    const names = (await files.list(folder))
      .map((entry) => /^(\d{16})\.(idx|ndjson)$/.exec(entry.name)?.[1])
      .filter((name) => name !== undefined);
    const firsts = [...new Set(names)].map(Number);
    const read: ReadSegment[] = [];
    for (const [index, first] of firsts.entries()) {
      const next = firsts[index + 1];
      const one =
        next === undefined
          ? await recoverNewest(files, folder, first, epoch)
          : await readClosed(files, folder, first, { epoch, next });
      one.segment.follow(read.at(-1)?.segment);
      read.push(one);
    }
    return read;
  }

  /** The answers to keyed requests that are still remembered; damaged ones are named, and their keys forgotten. */
  async #readWindow(
    read: readonly ReadSegment[],
  ): Promise<{ window: IdempotencyWindow; damaged: Damage[] }> {
    const { files, clock } = this.#context;
    const window = new IdempotencyWindow(files);
    const damaged: Damage[] = [];
    const oldest = clock.now() - LIMITS.idempotencyWindowMs;
    for (const { segment, entries } of read) {
      const { metadataFile: file } = segment;
      const recent = entries.filter((entry) => entry.metadataLength > 0 && entry.timeMs >= oldest);
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
}

function lostKeys(file: string, entry: CommitEntry): Damage {
  const { metadataPosition: start, metadataLength, firstSequence, records } = entry;
  const end = start + metadataLength;
  return {
    text: `${file}: bytes ${start} to ${end}, idempotency keys of records ${firstSequence} to ${firstSequence + records - 1}`,
    places: [{ file, start, end }],
  };
}
