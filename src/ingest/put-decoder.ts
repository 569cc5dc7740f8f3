import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../core/limits.ts';
import type { RecordBatch } from '../stream/stream-store.ts';
import { type Blob, blobLength, writeBlob } from '../wire/blob.ts';
import { disaggregate } from '../wire/kpl.ts';
import { Decoder, PADDING_BYTES } from './decode.ts';
import type { Judge } from './judge.ts';
import { md5 } from './md5.ts';
import { type DecodedIds, Piece, type Rejected } from './piece.ts';
import { PutRoute, type Routed } from './put-route.ts';
import type { PutEntry } from './puts.ts';
import type { Router } from './route.ts';
import type { Refusal } from './validate.ts';

export interface DecodedPut {
  readonly batch: RecordBatch;
  readonly ids: DecodedIds | undefined;
  /** For each entry: the place of its last record in the batch, TAKEN, or why it is refused. */
  readonly entries: readonly (number | Refusal)[];
  /** What is refused and was asked to be kept; `index` is that of the entry. */
  readonly rejected: readonly Rejected[];
}

export interface PutDecoderParts extends Judge {
  readonly router: Router;
  /** True where what is refused is kept elsewhere: then the rest of its entry is stored. */
  readonly keepsRefused: boolean;
}

const NEWLINE = 10;
/** All of the entry is kept elsewhere. */
const TAKEN = -1;
const NOTHING_REFUSED: readonly Refusal[] = [];
/** What records of the Kinesis Producer Library begin with, and no JSON does. */
const AGGREGATED_BYTE = 0xf3;
const AGGREGATED_BASE64 = '8';
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
  readonly #route: PutRoute;
  readonly #keys: string[] = [];
  readonly #entries: (number | Refusal)[] = [];
  readonly #rejected: Rejected[] = [];
  /** Behind all that was written. */
  #end = 0;
  #isUtf8 = false;
  #hasKeys = false;

  /** @param buffer of `putBytes(entries)` at least: the batch is made of it */
  constructor(parts: PutDecoderParts, entries: readonly PutEntry[], buffer: Buffer) {
    this.#parts = parts;
    this.#buffer = buffer;
    this.#route = new PutRoute(parts.router, parts.keyed);
    this.#piece = new Piece(buffer, buffer.length, true, entries.length, 0, parts.ids);
    const ends = entries.map(({ data }) => this.#write(data));
    this.#close();
    this.#isUtf8 = isUtf8(buffer.subarray(0, this.#end));
    let start = 0;
    entries.forEach((entry, index) => {
      const end = ends[index] as number;
      this.#entry(entry, start, end);
      start = end + 1;
    });
  }

  get result(): DecodedPut {
    return {
      batch: this.#piece.batch(this.#parts.router.routing, this.#hasKeys ? this.#keys : undefined),
      ids: this.#piece.ids,
      entries: this.#entries,
      rejected: this.#rejected,
    };
  }

  /** A line of its own, whose end is told. */
  #write(data: Blob): number {
    const end = this.#end + writeBlob(data, this.#buffer, this.#end);
    this.#buffer[end] = NEWLINE;
    this.#end = end + 1;
    return end;
  }

  /** The scanner has no bounds checks: newlines stop it. */
  #close(): void {
    this.#buffer.fill(NEWLINE, this.#end, this.#end + PADDING_BYTES);
  }

  #entry(entry: PutEntry, start: number, end: number): void {
    const before = this.#piece.count;
    const refusals = this.#recordsOf(entry, start, end);
    const first = refusals[0];
    if (first && (!this.#parts.keepsRefused || first === EMPTY_DATA)) {
      this.#piece.cutTo(before);
      this.#keys.length = before;
      this.#entries.push(first);
    } else this.#entries.push(this.#piece.count === before ? TAKEN : this.#piece.count - 1);
  }

  #recordsOf(entry: PutEntry, start: number, end: number): readonly Refusal[] {
    const bytes = this.#buffer;
    const parts =
      bytes[start] === AGGREGATED_BYTE ? disaggregate(bytes.subarray(start, end)) : undefined;
    if (!parts) return this.#records(entry, start, end, this.#isUtf8);
    if (parts.length === 0) return [EMPTY_DATA];
    return parts.flatMap((part) => {
      const from = this.#end;
      const to = this.#write(part.data);
      this.#close();
      return this.#records(part, from, to, isUtf8(bytes.subarray(from, to)));
    });
  }

  /** Finds the records of [start, end), and why others are none. */
  #records(route: Routed, start: number, end: number, isText: boolean): readonly Refusal[] {
    const { scanner } = this.#parts;
    const bytes = this.#buffer;
    if (!isText || end - start > LIMITS.recordBytesMax) return this.#judge(route, start, end);
    const accepted = scanner.accept(bytes, start);
    if (accepted === -1 || accepted > end || !isBlank(bytes, accepted, end))
      return this.#judge(route, start, end);
    const [keyStart, keyEnd] = scanner.keyRange as unknown as [number, number];
    const own = { bytes, start: keyStart, end: keyEnd };
    this.#add(start, accepted, this.#route.placeOf(route, own));
    const [idStart, idEnd] = scanner.idRange as unknown as [number, number];
    if (idStart !== -1) this.#piece.ids?.addBytes(bytes, idStart, idEnd);
    this.#keep(route.partitionKey, route.hashKey === undefined && this.#route.isOwn(own));
    return NOTHING_REFUSED;
  }

  /** A partition key that is also the record's own need not be kept. Each record has its place in the list. */
  #keep(partitionKey: string | undefined, isOwn: boolean): void {
    this.#keys.push(partitionKey ?? '');
    if (partitionKey !== undefined && !isOwn) this.#hasKeys = true;
  }

  #add(start: number, end: number, shard: number): void {
    this.#piece.ids?.begin(this.#piece.count);
    this.#piece.add(start, end, shard);
  }

  /** As a request of its own is taken apart: objects one after the other, lines, an array. */
  #judge({ partitionKey, hashKey }: Routed, start: number, end: number): readonly Refusal[] {
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
    // It closes what it reads with newlines, and the next entry lies there.
    const copy = Buffer.allocUnsafe(end - start + PADDING_BYTES);
    this.#buffer.copy(copy, 0, start, end);
    const { batch, ids: found, rejected } = decoder.decode(copy, end - start, true);
    copy.copy(this.#buffer, start, 0, end - start);
    for (let record = 0; record < batch.count; record++) {
      const [from, to] = [batch.starts[record] as number, batch.ends[record] as number];
      this.#add(start + from, start + to, batch.shards[record] as number);
      if (found) this.#piece.ids?.addFrom(found, record);
      this.#keep(partitionKey, false);
    }
    if (decoder.records === 0) return [EMPTY_DATA];
    if (keepsRefused)
      for (const one of rejected) this.#rejected.push({ ...one, index: this.#entries.length });
    return rejected;
  }
}

/** Room that the entries take while they are taken apart. */
export function putBytes(entries: readonly PutEntry[]): number {
  let bytes = PADDING_BYTES;
  for (const { data } of entries) {
    const isAggregated =
      typeof data === 'string' ? data.startsWith(AGGREGATED_BASE64) : data[0] === AGGREGATED_BYTE;
    // What was put together is taken apart behind itself, which takes less than it did.
    bytes += (blobLength(data) + 1) * (isAggregated ? 2 : 1);
  }
  return bytes;
}

function isBlank(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    const byte = bytes[at];
    if (byte !== 32 && byte !== NEWLINE && byte !== 13 && byte !== 9) return false;
  }
  return true;
}
