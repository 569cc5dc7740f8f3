import type { NamedField } from '../core/field-types.ts';
import type { StreamLog } from '../stream/stream-store.ts';
import { blobBase64 } from '../wire/blob.ts';
import type { PutEntry, PutOutcome, Puts } from './puts.ts';
import { createRouter, type Router } from './route.ts';

/** How bytes of any kind lie in a log, whose records are lines of JSON. */
export const OPAQUE_FIELDS: readonly NamedField[] = [
  { name: 'partitionKey', type: { kind: 'string' }, optional: false },
  { name: 'data', type: { kind: 'binary' }, optional: false },
];

/** `partitionKey` and `data`, in base64. */
export interface OpaqueRecord {
  readonly partitionKey: string;
  readonly data: string;
}

/** Puts into a stream that no definition describes: bytes stay what they are. */
export class OpaquePuts implements Puts {
  readonly #log: StreamLog;
  #router: Router;

  constructor(log: StreamLog) {
    this.#log = log;
    this.#router = createRouter(log.routing);
  }

  async put(entries: readonly PutEntry[]): Promise<readonly PutOutcome[]> {
    const { open, version } = this.#log.routing;
    if (version !== this.#router.routing) this.#router = createRouter(this.#log.routing);
    const shards = Uint16Array.from(entries, (entry) => this.#place(entry));
    const lines = entries.map(lineOf);
    const { bytes, starts, ends } = laidOut(lines);
    const batch = { bytes, count: lines.length, starts, ends, shards, routing: version };
    const placements = await this.#log.append(batch);
    const next = new Map(placements.map(({ shard, first }) => [shard, first]));
    return Array.from(shards, (place) => {
      const shard = open[place]?.id as number;
      const sequence = next.get(shard) as number;
      next.set(shard, sequence + 1);
      return { shard, sequence };
    });
  }

  #place({ partitionKey = '', hashKey }: PutEntry): number {
    if (hashKey !== undefined) return this.#router.byHashKey(hashKey);
    const key = Buffer.from(partitionKey);
    return this.#router.byKey(key, 0, key.length);
  }
}

/** Base64 needs no escapes. */
function lineOf({ data, partitionKey = '' }: PutEntry): { text: string; bytes: number } {
  const base64 = blobBase64(data);
  const key = JSON.stringify(partitionKey);
  const text = `{"partitionKey":${key},"data":"${base64}"}`;
  const keyBytes = Buffer.byteLength(key);
  return { text, bytes: text.length - key.length + keyBytes };
}

function laidOut(lines: readonly { text: string; bytes: number }[]) {
  const total = lines.reduce((sum, { bytes }) => sum + bytes + 1, 0);
  const bytes = Buffer.allocUnsafe(total);
  const starts = new Uint32Array(lines.length);
  const ends = new Uint32Array(lines.length);
  let at = 0;
  lines.forEach(({ text, bytes: length }, index) => {
    starts[index] = at;
    ends[index] = at + bytes.write(text, at);
    at += length;
    bytes[at++] = 10;
  });
  return { bytes, starts, ends };
}
