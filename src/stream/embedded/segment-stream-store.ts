import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { LogSettings, SchemaVersion, StreamLog, StreamStore } from '../stream-store.ts';
import { IdempotencyWindow } from './idempotency-window.ts';
import { recoverNewest } from './recovery.ts';
import { type ReadSegment, readSegment } from './segment.ts';
import { type LogContext, SegmentStreamLog } from './segment-stream-log.ts';

/** `stream.json`: what a log says of itself, so that its folder can be read without anything else. */
interface LogDescription {
  readonly format: 1;
  readonly epoch: string;
  readonly shards: number;
  readonly schemas: readonly SchemaVersion[];
}

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
    const description = await this.#describe(folder, settings);
    const epoch = Buffer.from(description.epoch.replaceAll('-', ''), 'hex');
    const read = await this.#readSegments(folder, epoch);
    const window = await this.#readWindow(read);
    const damaged = read.flatMap((segment) => segment.damaged);
    for (const place of damaged)
      this.#context.logger.error(
        { stream: settings.name, place },
        'damaged log index; reading goes on behind it',
      );
    return new SegmentStreamLog(
      {
        name: settings.name,
        folder,
        epoch: description.epoch,
        shards: description.shards,
        retentionMs: settings.retentionMs,
        schemas: description.schemas,
        segments: read.map(({ segment }) => segment),
        damaged,
      },
      this.#context,
      window,
    );
  }

  /** Reads or makes `stream.json`; a changed schema or shard count becomes part of it. */
  async #describe(folder: string, settings: LogSettings): Promise<LogDescription> {
    const { files } = this.#context;
    const path = join(folder, 'stream.json');
    const stored = (await files.exists(path))
      ? parseDescription(path, await files.readFile(path))
      : undefined;
    const known = stored?.schemas.at(-1);
    const { fields, unknown } = settings.schema;
    const unchanged =
      known && JSON.stringify([known.fields, known.unknown]) === JSON.stringify([fields, unknown]);
    if (stored && unchanged && stored.shards === settings.shards) return stored;
    const description: LogDescription = {
      format: 1,
      epoch: stored?.epoch ?? randomUUID(),
      shards: settings.shards,
      schemas: unchanged
        ? (stored?.schemas ?? [])
        : [...(stored?.schemas ?? []), { version: (known?.version ?? 0) + 1, fields, unknown }],
    };
    await files.replaceFile(path, `${JSON.stringify(description, null, 1)}\n`);
    return description;
  }

  async #readSegments(folder: string, epoch: Buffer): Promise<ReadSegment[]> {
    const { files } = this.#context;
    const names = (await files.list(folder))
      .map((entry) => /^(\d{16})\.idx$/.exec(entry.name)?.[1])
      .filter((name) => name !== undefined);
    const read: ReadSegment[] = [];
    for (const [index, name] of names.entries()) {
      const newest = index === names.length - 1;
      read.push(await (newest ? recoverNewest : readSegment)(files, folder, Number(name), epoch));
    }
    return read;
  }

  async #readWindow(read: readonly ReadSegment[]): Promise<IdempotencyWindow> {
    const window = new IdempotencyWindow(this.#context.files);
    const oldest = this.#context.clock.now() - LIMITS.idempotencyWindowMs;
    for (const { segment, entries } of read) {
      const recent = entries.filter((entry) => entry.metadataLength > 0 && entry.timeMs >= oldest);
      if (recent.length === 0) continue;
      const metadata = await this.#context.files.readFile(segment.metadataFile);
      for (const entry of recent) {
        const lines = metadata.subarray(
          entry.metadataPosition,
          entry.metadataPosition + entry.metadataLength,
        );
        window.add(lines, segment.metadataFile, entry.metadataPosition, entry.timeMs);
      }
    }
    return window;
  }
}

function parseDescription(path: string, bytes: Buffer): LogDescription {
  const parsed = JSON.parse(bytes.toString()) as LogDescription;
  if (parsed.format === 1) return parsed;
  throw new MillraceError(
    'MR_STORAGE_FORMAT',
    `${path} has format ${String(parsed.format)}; this version reads format 1. Use the version of millrace that wrote it.`,
  );
}
