import type { Routing, StreamLog } from '../stream/stream-store.ts';
import { md5, md5Prefix } from './md5.ts';

/** Chooses a record's place among the open shards, by their hash keys, as Kinesis does. */
export interface Router {
  /** Version of the routing: a log takes no records routed by another. */
  readonly routing: number;
  readonly places: number;
  /** By the bytes of the partition key: their MD5 as a number. */
  byKey(bytes: Uint8Array, start: number, end: number): number;
  /** By the number itself. */
  byHashKey(hashKey: bigint): number;
  /** For records without a key: one after the other, a request at a time. */
  next(): number;
}

/** The router of a log as its shards are now. */
export class CurrentRouter {
  readonly #log: Pick<StreamLog, 'routing'>;
  #router: Router;

  constructor(log: Pick<StreamLog, 'routing'>) {
    this.#log = log;
    this.#router = createRouter(log.routing);
  }

  get now(): Router {
    const { routing } = this.#log;
    if (routing.version !== this.#router.routing) this.#router = createRouter(routing);
    return this.#router;
  }
}

/** Keys longer than this are hashed each time: comparing them would cost as much. */
const REMEMBERED_BYTES = 32;
const LOW_BITS = 96n;

export function createRouter({ open, version }: Routing): Router {
  const places = open.length;
  /** The first 32 bits of where each shard begins decide, but for keys that have the very same. */
  const prefixes = Uint32Array.from(open, ({ hashFrom }) => Number(hashFrom >> LOW_BITS));
  const isExact = open.map(({ hashFrom }) => hashFrom % (1n << LOW_BITS) === 0n);
  const byHashKey = (hashKey: bigint): number =>
    open.findLastIndex(({ hashFrom }) => hashFrom <= hashKey);
  const hashed = (bytes: Uint8Array, start: number, end: number): number => {
    const prefix = md5Prefix(bytes, start, end);
    const place = lastAtMost(prefixes, prefix);
    if (prefixes[place] !== prefix || isExact[place]) return place;
    return byHashKey(md5(bytes, start, end));
  };
  const last = createMemory();
  let turn = 0;
  return {
    routing: version,
    places,
    byHashKey,
    byKey: (bytes, start, end) => {
      if (places === 1) return 0;
      if (last.is(bytes, start, end)) return last.place;
      const place = hashed(bytes, start, end);
      last.set(bytes, start, end, place);
      return place;
    },
    next: () => {
      turn = (turn + 1) % places;
      return turn;
    },
  };
}

function lastAtMost(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= value) low = middle;
    else high = middle;
  }
  return low;
}

/** Lines of one invoice come one after the other: their key is hashed once. */
function createMemory() {
  const key = new Uint8Array(REMEMBERED_BYTES);
  let length = -1;
  let place = 0;
  return {
    get place() {
      return place;
    },
    is(bytes: Uint8Array, start: number, end: number): boolean {
      if (end - start !== length) return false;
      for (let index = 0; index < length; index++)
        if (bytes[start + index] !== key[index]) return false;
      return true;
    },
    set(bytes: Uint8Array, start: number, end: number, chosen: number): void {
      if (end - start > REMEMBERED_BYTES) return;
      length = end - start;
      for (let index = 0; index < length; index++) key[index] = bytes[start + index] as number;
      place = chosen;
    },
  };
}
