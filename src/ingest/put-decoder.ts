import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../core/limits.ts';
import type { RecordBatch } from '../stream/stream-store.ts';
import { blobLength, writeBlob } from '../wire/blob.ts';
import { type AggregatedRecord, disaggregate } from '../wire/kpl.ts';
import { Decoder, PADDING_BYTES } from './decode.ts';
import { md5 } from './md5.ts';
import { type DecodedIds, Piece, type Rejected } from './piece.ts';
import type { PutEntry } from './puts.ts';
import type { RecordIds } from './record-id.ts';
import type { Router } from './route.ts';
import type { Scanner } from './scanner.ts';
import type { Refusal, Validator } from './validate.ts';

export interface DecodedPut {
  readonly batch: RecordBatch;
  readonly ids: DecodedIds | undefined;
  /** For each entry: one behind the last of its records in the batch, or why it is refused. */
  readonly entries: readonly (number | Refusal)[];
  /** What is refused and was asked to be kept; `index` is that of the entry. */
  readonly rejected: readonly Rejected[];
}

export interface PutDecoderParts {
  readonly scanner: Scanner;
  readonly validator: Validator;
  readonly router: Router;
  /** The stream has a key of its own. */
  readonly keyed: boolean;
  readonly ids: RecordIds | undefined;
  /** True where what is refused is kept elsewhere: then the rest of its entry is stored. */
  readonly keepsRefused: boolean;
}

interface Route {
  readonly partitionKey: string | undefined;
  readonly hashKey: bigint | undefined;
}

const NEWLINE = 10;
const EMPTY_DATA: Refusal = {
  code: 'MR_RECORD_SYNTAX',
  message: 'Data holds no record: it must hold a JSON object.',
};

/**
 * Takes the entries of one put apart into records of a stream, in one buffer: most are one JSON object, some are several
 * with or without newlines between them, some were put together by the Kinesis Producer Library.
 */
export class PutDecoder {
  readonly #parts: PutDecoderParts;
  readonly #buffer: Buffer;
  readonly #piece: Piece;
  readonly #keys: string[] = [];
  readonly #entries: (number | Refusal)[] = [];
  readonly #rejected: Rejected[] = [];
  /** Where entries without any key go. */
  readonly #place: number;
  #at = 0;
  #hasKeys = false;

  constructor(parts: PutDecoderParts, entries: readonly PutEntry[]) {
    this.#parts = parts;
    const bytes = entries.reduce((sum, { data }) => sum + blobLength(data) + 1, 0);
    // What was put together is taken apart behind itself, which takes less than it did.
    this.#buffer = Buffer.allocUnsafe(2 * bytes + PADDING_BYTES);
    this.#place = parts.keyed ? 0 : parts.router.next();
    this.#piece = new Piece(
      this.#buffer,
      this.#buffer.length - PADDING_BYTES,
      true,
      entries.length,
      this.#place,
      parts.ids,
    );
    for (const entry of entries) this.#entry(entry);
  }

  get result(): DecodedPut {
    return {
      batch: this.#piece.batch(this.#parts.router.routing, this.#hasKeys ? this.#keys : undefined),
      ids: this.#piece.ids,
      entries: this.#entries,
      rejected: this.#rejected,
    };
  }

  #entry({ data, partitionKey, hashKey }: PutEntry): void {
    const before = this.#piece.count;
    const start = this.#at;
    const end = start + writeBlob(data, this.#buffer, start);
    this.#at = end + 1;
    const parts = this.#buffer[start] === 0xf3 ? this.#apart(start, end) : undefined;
    const refusals = parts
      ? parts.flatMap((part) => this.#copied(part))
      : this.#records(start, end, { partitionKey, hashKey });
    const first = refusals[0];
    if (first && !this.#parts.keepsRefused) {
      this.#piece.cutTo(before);
      this.#keys.length = before;
      this.#entries.push(first);
    } else this.#entries.push(this.#piece.count);
  }

  #apart(start: number, end: number): AggregatedRecord[] | undefined {
    return disaggregate(this.#buffer.subarray(start, end));
  }

  #copied({ data, partitionKey, hashKey }: AggregatedRecord): Refusal[] {
    const start = this.#at;
    const end = start + data.copy(this.#buffer, start);
    this.#at = end + 1;
    return this.#records(start, end, { partitionKey, hashKey });
  }

  /** Finds the records of [start, end), and why others are none. */
  #records(start: number, end: number, route: Route): Refusal[] {
    const { scanner } = this.#parts;
    const bytes = this.#buffer;
    bytes.fill(NEWLINE, end, end + PADDING_BYTES);
    if (isUtf8(bytes.subarray(start, end)) && end - start <= LIMITS.recordBytesMax) {
      const accepted = scanner.accept(bytes, start);
      if (accepted !== -1 && isBlank(bytes, accepted, end)) {
        this.#add(start, accepted, this.#placeOf(route, scanner));
        const [idStart, idEnd] = scanner.idRange as unknown as [number, number];
        if (idStart !== -1) this.#piece.ids?.addBytes(bytes, idStart, idEnd);
        this.#keep(route, scanner);
        return [];
      }
    }
    return this.#judge(start, end, route);
  }

  #placeOf({ partitionKey, hashKey }: Route, { keyRange }: Scanner): number {
    const { router, keyed } = this.#parts;
    if (hashKey !== undefined) return router.byHashKey(hashKey);
    if (partitionKey !== undefined) {
      const key = Buffer.from(partitionKey);
      return router.byKey(key, 0, key.length);
    }
    if (!keyed) return this.#place;
    const [start, end] = keyRange as unknown as [number, number];
    return start === -1 ? router.byKey(this.#buffer, 0, 0) : router.byKey(this.#buffer, start, end);
  }

  /** A partition key that is also the record's own need not be kept. */
  #keep({ partitionKey, hashKey }: Route, { keyRange }: Scanner): void {
    if (partitionKey === undefined) return;
    this.#keys.push(partitionKey);
    const [start, end] = keyRange as unknown as [number, number];
    const isOwn =
      hashKey === undefined &&
      start !== -1 &&
      this.#buffer.toString('utf8', start, end) === partitionKey;
    if (!isOwn) this.#hasKeys = true;
  }

  #add(start: number, end: number, shard: number): void {
    this.#piece.ids?.begin(this.#piece.count);
    this.#piece.add(start, end, shard);
  }

  /** As a request of its own is taken apart: objects one after the other, lines, an array. */
  #judge(start: number, end: number, { partitionKey, hashKey }: Route): Refusal[] {
    const { scanner, validator, router, keyed, ids, keepsRefused } = this.#parts;
    const key = partitionKey === undefined ? undefined : Buffer.from(partitionKey);
    const decoder = new Decoder({
      scanner,
      validator,
      router: () => router,
      keyed: keyed && key === undefined,
      linesOnly: false,
      hashKey: hashKey ?? (key && md5(key, 0, key.length)),
      ids,
    });
    const {
      batch,
      ids: found,
      rejected,
    } = decoder.decode(this.#buffer.subarray(start), end - start, true);
    for (let record = 0; record < batch.count; record++) {
      const [from, to] = [batch.starts[record] as number, batch.ends[record] as number];
      this.#add(start + from, start + to, batch.shards[record] as number);
      if (found) this.#piece.ids?.addFrom(found, record);
      if (partitionKey === undefined) continue;
      this.#keys.push(partitionKey);
      this.#hasKeys = true;
    }
    if (decoder.records === 0) return [EMPTY_DATA];
    if (keepsRefused)
      this.#rejected.push(...rejected.map((one) => ({ ...one, index: this.#entries.length })));
    return [...rejected];
  }
}

function isBlank(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    const byte = bytes[at];
    if (byte !== 32 && byte !== NEWLINE && byte !== 13 && byte !== 9) return false;
  }
  return true;
}
