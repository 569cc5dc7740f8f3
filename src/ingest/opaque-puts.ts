import type { NamedField } from '../core/field-types.ts';
import type { StreamLog } from '../stream/stream-store.ts';
import { blobBase64 } from '../wire/blob.ts';
import { type PutEntry, type PutOutcome, type Puts, placesOf } from './puts.ts';
import { CurrentRouter, type Router } from './route.ts';

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
  readonly #router: CurrentRouter;

  constructor(log: StreamLog) {
    this.#log = log;
    this.#router = new CurrentRouter(log);
  }

  async put(entries: readonly PutEntry[]): Promise<readonly PutOutcome[]> {
    const { open, version } = this.#log.routing;
    const router = this.#router.now;
    const shards = Uint16Array.from(entries, (entry) => placeOf(entry, router));
    const lines = entries.map(lineOf);
    const { bytes, starts, ends } = laidOut(lines);
    const batch = { bytes, count: lines.length, starts, ends, shards, routing: version };
    const placements = await this.#log.append(batch);
    const nextIn = placesOf(placements);
    return Array.from(shards, (place) => nextIn(open[place]?.id as number));
  }
}

function placeOf({ partitionKey = '', hashKey }: PutEntry, router: Router): number {
  if (hashKey !== undefined) return router.byHashKey(hashKey);
  const key = Buffer.from(partitionKey);
  return router.byKey(key, 0, key.length);
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
