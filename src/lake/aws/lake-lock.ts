import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import { placeIn } from '../location.ts';
import { requireConditions } from './conditions.ts';
import type { S3Objects, StoredObject } from './s3-objects.ts';

/** Whose lake it is. */
export interface LakeOwner {
  readonly host: string;
  readonly pid: number;
  /** Its data folder, which one process at a time has. */
  readonly folder: string;
}

export interface LakeLockOptions {
  readonly objects: S3Objects;
  readonly owner: LakeOwner;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once another process has the lake: this one must end. */
  readonly onLost: (error: MillraceError) => void;
  readonly beatMs?: number;
  readonly leaseMs?: number;
}

interface LockText extends LakeOwner {
  readonly process: string;
  readonly beat: number;
}

const TRIES = 3;
const POLL_MS = 1000;
const RELEASE_MS = 10_000;

/**
 * `lock.json` of a lake in a bucket: who owns it says so again and again. Two processes notice each other at their
 * start; where one was asleep for longer than the lease, its commits still meet the conditions of the other's (B2).
 */
export class LakeLock {
  readonly #options: LakeLockOptions;
  readonly #location: string;
  readonly #process = randomUUID();
  #etag = '';
  #beat = 0;
  #cancel = () => {};
  #beating: Promise<void> = Promise.resolve();

  private constructor(options: LakeLockOptions) {
    this.#options = options;
    this.#location = placeIn(options.objects.place, 'lock.json');
  }

  /** @throws MillraceError MR_STORAGE_LOCKED naming who has it, MR_LAKE_UNAVAILABLE */
  static async take(options: LakeLockOptions): Promise<LakeLock> {
    const lock = new LakeLock(options);
    await lock.#take();
    await requireConditions(options.objects, lock.#location);
    lock.#beatSoon();
    return lock;
  }

  async #take(): Promise<void> {
    const { objects } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const stored = await objects.read(this.#location);
      if (stored) await this.#requireFree(stored);
      try {
        this.#etag = await objects.swap(this.#location, this.#text(), stored?.etag ?? null);
        return;
      } catch (error) {
        if (!isConflict(error) || attempt === TRIES) throw error;
      }
    }
  }

  /** Who beats is there; who does not for as long as the lease has ended. */
  async #requireFree({ bytes, etag }: StoredObject): Promise<void> {
    const { objects, owner, clock, logger, leaseMs = LIMITS.lakeLeaseMs } = this.#options;
    const other = lockText(bytes, this.#location);
    // Of this folder: a process before this one, which was killed.
    if (other.host === owner.host && other.folder === owner.folder) return;
    logger.warn(
      { host: other.host, pid: other.pid, folder: other.folder },
      'another process has the lake; waiting whether it is still there',
    );
    for (;;) {
      const info = await objects.info(this.#location);
      // Both times are the server's.
      if (!info || info.nowMs - info.changedMs >= leaseMs) return;
      if ((await objects.read(this.#location))?.etag !== etag) throw lockedBy(objects, other);
      await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
    }
  }

  #text(): Buffer {
    this.#beat += 1;
    const text: LockText = { ...this.#options.owner, process: this.#process, beat: this.#beat };
    return Buffer.from(`${JSON.stringify(text)}\n`);
  }

  #beatSoon(): void {
    const { clock, beatMs = LIMITS.lakeBeatMs } = this.#options;
    this.#cancel = clock.after(beatMs, () => {
      this.#beating = this.#sayAgain();
    });
  }

  async #sayAgain(): Promise<void> {
    const { objects, logger, onLost } = this.#options;
    try {
      const owner = await this.#say();
      if (owner) {
        onLost(lockedBy(objects, owner));
        return;
      }
    } catch (error) {
      logger.warn(
        { error: (error as Error).message },
        'the lake could not be told that it is ours',
      );
    }
    this.#beatSoon();
  }

  /** @returns who has the lake, where it is not this process */
  async #say(): Promise<LockText | undefined> {
    const { objects } = this.#options;
    try {
      this.#etag = await objects.swap(this.#location, this.#text(), this.#etag);
      return undefined;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
    // A word of ours whose answer was lost may be what is there; what was removed is put there again.
    const stored = await objects.read(this.#location);
    const owner = stored && lockText(stored.bytes, this.#location);
    if (owner && owner.process !== this.#process) return owner;
    this.#etag = await objects.swap(this.#location, this.#text(), stored?.etag ?? null);
    return undefined;
  }

  /** Where the server says nothing, the lease ends by itself. */
  async release(): Promise<void> {
    this.#cancel();
    const { clock } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const cancel = clock.after(RELEASE_MS, resolve);
      this.#remove().then(resolve, reject).finally(cancel);
    });
  }

  async #remove(): Promise<void> {
    await this.#beating;
    this.#cancel();
    const { objects } = this.#options;
    const stored = await objects.read(this.#location);
    if (stored?.etag === this.#etag) await objects.remove(this.#location);
  }
}

function lockText(bytes: Buffer, location: string): LockText {
  try {
    const { host, pid, folder, process, beat } = JSON.parse(bytes.toString()) as Partial<LockText>;
    if (
      typeof host === 'string' &&
      typeof pid === 'number' &&
      typeof folder === 'string' &&
      typeof process === 'string' &&
      typeof beat === 'number'
    )
      return { host, pid, folder, process, beat };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new MillraceError(
    'MR_LAKE_UNAVAILABLE',
    `${location} does not say who has the lake. Remove it if nobody does, or take another place with --lake.`,
  );
}

const isConflict = (error: unknown): boolean =>
  error instanceof MillraceError && error.code === 'MR_TABLE_COMMIT_CONFLICT';

function lockedBy({ place }: S3Objects, { pid, host, folder }: LockText): MillraceError {
  return new MillraceError(
    'MR_STORAGE_LOCKED',
    `Process ${pid} on ${host}, with the data folder ${folder}, owns the lake ${place}. Stop it, or use another place with --lake.`,
  );
}
