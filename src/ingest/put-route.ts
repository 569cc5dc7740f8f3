import type { Router } from './route.ts';

/** What a producer said of where a record goes. */
export interface Routed {
  readonly partitionKey: string | undefined;
  readonly hashKey: bigint | undefined;
}

/** The value of the stream's own key in a record: [start, end), start -1 where it has none. */
export interface OwnKey {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Far more bytes than a key of 256 characters has. */
const KEY_BYTES_MAX = 1024;

/** Says where the records of one put go: by hash key, by partition key, by the stream's own key, or all to one place. */
export class PutRoute {
  readonly #router: Router;
  readonly #keyed: boolean;
  /** Where records go that nothing is said of. */
  readonly #place: number;
  /** The partition key of the last record: producers send those of one key one after the other. */
  readonly #bytes = Buffer.allocUnsafe(KEY_BYTES_MAX);
  #key: string | undefined;
  #length = 0;

  constructor(router: Router, keyed: boolean) {
    this.#router = router;
    this.#keyed = keyed;
    this.#place = keyed ? 0 : router.next();
  }

  placeOf({ partitionKey, hashKey }: Routed, own: OwnKey): number {
    if (partitionKey !== undefined) this.#remember(partitionKey);
    if (hashKey !== undefined) return this.#router.byHashKey(hashKey);
    if (partitionKey !== undefined) return this.#router.byKey(this.#bytes, 0, this.#length);
    if (!this.#keyed) return this.#place;
    return own.start === -1
      ? this.#router.byKey(own.bytes, 0, 0)
      : this.#router.byKey(own.bytes, own.start, own.end);
  }

  #remember(key: string): void {
    if (key === this.#key) return;
    this.#key = key;
    this.#length = this.#bytes.write(key);
  }

  /** Whether the partition key of the record that was placed last is its own key. */
  isOwn({ bytes, start, end }: OwnKey): boolean {
    if (start === -1 || end - start !== this.#length) return false;
    for (let index = 0; index < this.#length; index++)
      if (bytes[start + index] !== this.#bytes[index]) return false;
    return true;
  }
}
