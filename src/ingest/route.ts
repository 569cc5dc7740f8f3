import { md5Prefix } from './md5.ts';

/** Chooses the shard of a record. */
export interface Router {
  /** By the bytes of the partition key: an even part of the MD5 range, as Kinesis does. */
  byKey(bytes: Uint8Array, start: number, end: number): number;
  /** For records without a key: one shard after the other, a request at a time. */
  next(): number;
}

/** Keys longer than this are hashed each time: comparing them would cost as much. */
const REMEMBERED_BYTES = 32;

export function router(shards: number): Router {
  let turn = 0;
  // Lines of one invoice come one after the other: their key is hashed once.
  const last = new Uint8Array(REMEMBERED_BYTES);
  let lastLength = -1;
  let lastShard = 0;
  const isLast = (bytes: Uint8Array, start: number, length: number): boolean => {
    if (length !== lastLength) return false;
    for (let index = 0; index < length; index++)
      if (bytes[start + index] !== last[index]) return false;
    return true;
  };
  return {
    byKey: (bytes, start, end) => {
      if (shards === 1) return 0;
      const length = end - start;
      if (isLast(bytes, start, length)) return lastShard;
      const shard = Math.floor((md5Prefix(bytes, start, end) * shards) / 0x1_0000_0000);
      if (length > REMEMBERED_BYTES) return shard;
      for (let index = 0; index < length; index++) last[index] = bytes[start + index] as number;
      lastLength = length;
      lastShard = shard;
      return shard;
    },
    next: () => {
      turn = (turn + 1) % shards;
      return turn;
    },
  };
}
