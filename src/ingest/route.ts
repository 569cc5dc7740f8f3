import { md5Prefix } from './md5.ts';

/** Chooses the shard of a record. */
export interface Router {
  /** By the bytes of the partition key: an even part of the MD5 range, as Kinesis does. */
  byKey(bytes: Uint8Array, start: number, end: number): number;
  /** For records without a key: one shard after the other, a request at a time. */
  next(): number;
}

export function router(shards: number): Router {
  let turn = 0;
  return {
    byKey: (bytes, start, end) =>
      shards === 1 ? 0 : Math.floor((md5Prefix(bytes, start, end) * shards) / 0x1_0000_0000),
    next: () => {
      turn = (turn + 1) % shards;
      return turn;
    },
  };
}
