import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../core/limits.ts';
import type { RecordBatch } from '../stream/stream-store.ts';
import { extentOf, firstBadByte, isSpace, isUtf8Piece, joinLines, skipSpace } from './framing.ts';
import { type DecodedIds, Piece, type Rejected } from './piece.ts';
import type { RecordIds } from './record-id.ts';
import type { Router } from './route.ts';
import type { Scanner } from './scanner.ts';
import type { Validator } from './validate.ts';

export interface DecodedPiece {
  readonly batch: RecordBatch;
  /** Of the records of the batch, in their order; undefined where nothing tells them apart. */
  readonly ids: DecodedIds | undefined;
  readonly rejected: readonly Rejected[];
  /** Bytes of the piece that are done with; the rest belongs to the next piece. */
  readonly consumed: number;
}

/** Bytes that must follow the data of a piece, all newlines, as the scanner has no bounds checks. */
export const PADDING_BYTES = 64;

const NEWLINE = 10;
const RECORD_BYTES_GUESS = 64;

/** Length of a byte order mark in UTF-8 at the beginning: it says nothing (RFC 8259 §8.1). */
const markLength = (bytes: Buffer): number =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;

const isCutMark = (bytes: Buffer, end: number, final: boolean): boolean =>
  !final && end > 0 && end < 3 && bytes[0] === 0xef;

/** Takes the body of one request apart into records: an object, an array, NDJSON, or objects one after the other. */
export class Decoder {
  readonly #scanner: Scanner;
  readonly #validator: Validator;
  readonly #currentRouter: () => Router;
  readonly #keyed: boolean;
  readonly #hashKey: bigint | undefined;
  readonly #ids: RecordIds | undefined;
  #router: Router;
  #linesOnly: boolean;
  #array: 'no' | 'first' | 'value' | 'separator' | 'closed' = 'no';
  #started = false;
  #index = 0;
  #suspect = false;

  constructor(parts: {
    scanner: Scanner;
    validator: Validator;
    /** Asked before each piece: shards may change. */
    router: () => Router;
    keyed: boolean;
    linesOnly: boolean;
    /** Where records without a key go. */
    hashKey?: bigint | undefined;
    ids?: RecordIds | undefined;
  }) {
    this.#scanner = parts.scanner;
    this.#validator = parts.validator;
    this.#currentRouter = parts.router;
    this.#router = parts.router();
    this.#hashKey = parts.hashKey;
    this.#ids = parts.ids;
    this.#keyed = parts.keyed;
    this.#linesOnly = parts.linesOnly;
  }

  get records(): number {
    return this.#index;
  }

  /** `bytes` holds data up to `end`, then PADDING_BYTES newlines. `final` says that nothing follows. */
  decode(bytes: Buffer, end: number, final: boolean): DecodedPiece {
    this.#router = this.#currentRouter();
    const piece = new Piece(
      bytes,
      end,
      final,
      Math.ceil(end / RECORD_BYTES_GUESS) + 1,
      this.#keyed ? 0 : this.#place(),
      this.#ids,
    );
    bytes.fill(NEWLINE, end, end + PADDING_BYTES);
    this.#suspect = !(final ? isUtf8(bytes.subarray(0, end)) : isUtf8Piece(bytes, end));
    let at = 0;
    if (!this.#started) at = isCutMark(bytes, end, final) ? -1 : this.#start(bytes, end);
    while (at !== -1 && at < end) {
      const next = this.#array === 'no' ? this.#line(piece, at) : this.#element(piece, at);
      if (next === -1) break;
      at = next;
    }
    if (final && this.#array !== 'no' && this.#array !== 'closed')
      this.#refuse(piece, end, end, 'MR_RECORD_SYNTAX', 'The array is not closed.');
    return {
      batch: piece.batch(this.#router.routing),
      ids: piece.ids,
      rejected: piece.rejected,
      consumed: Math.max(0, Math.min(at, end)),
    };
  }

  #place(): number {
    return this.#hashKey === undefined
      ? this.#router.next()
      : this.#router.byHashKey(this.#hashKey);
  }

  #start(bytes: Buffer, end: number): number {
    const at = skipSpace(bytes, markLength(bytes), end);
    if (at >= end) return end;
    this.#started = true;
    if (bytes[at] !== 91 || this.#linesOnly) return at;
    this.#array = 'first';
    return at + 1;
  }

  /** One record of NDJSON; the answer is where the next may start, -1 if the piece ends before it is whole. */
  #line(piece: Piece, at: number): number {
    const { bytes, end } = piece;
    const start = skipSpace(bytes, at, end);
    if (start === end) return end;
    if (!this.#suspect) {
      const accepted = this.#scanner.accept(bytes, start);
      if (accepted !== -1 && accepted <= end && accepted - start <= LIMITS.recordBytesMax) {
        let behind = accepted;
        while (bytes[behind] === 13 || bytes[behind] === 32) behind++;
        const ended = bytes[behind] === NEWLINE && (behind < end || piece.final);
        if (ended) {
          this.#accept(
            piece,
            start,
            accepted,
            this.#scanner.keyRange[0] as number,
            this.#scanner.keyRange[1] as number,
          );
          return behind + 1;
        }
      }
    }
    return this.#slowLine(piece, start);
  }

  #slowLine(piece: Piece, start: number): number {
    const { bytes, end } = piece;
    const newline = bytes.indexOf(NEWLINE, start);
    const lineEnd = newline === -1 || newline > end ? end : newline;
    if (lineEnd === end && !piece.final) return -1;
    if (this.#linesOnly)
      return this.#judge(piece, start, trimEnd(bytes, start, lineEnd), lineEnd + 1);
    const extent = extentOf(bytes, start, Math.min(end, start + LIMITS.recordBytesMax));
    if (extent === -1 && !piece.final && end - start < LIMITS.recordBytesMax) return -1;
    if (extent >= 0) {
      const behind = skipSpaceInLine(bytes, extent, end);
      if (behind >= end || bytes[behind] === NEWLINE || bytes[behind] === 123)
        return this.#judge(piece, start, extent, behind);
    } else this.#linesOnly = true;
    return this.#judge(piece, start, trimEnd(bytes, start, lineEnd), lineEnd + 1);
  }

  #element(piece: Piece, at: number): number {
    const { bytes, end } = piece;
    const start = skipSpace(bytes, at, end);
    if (start === end) return end;
    if (this.#array === 'closed')
      return this.#stopArray(piece, start, 'Something follows the closing bracket of the array.');
    if (bytes[start] === 93) {
      if (this.#array === 'value')
        return this.#stopArray(piece, start, 'A comma stands before the end of the array.');
      this.#array = 'closed';
      return start + 1;
    }
    if (this.#array === 'separator') {
      if (bytes[start] !== 44)
        return this.#stopArray(
          piece,
          start,
          'A comma is missing between two records; the rest of the array was not read.',
        );
      this.#array = 'value';
      return start + 1;
    }
    const extent = extentOf(bytes, start, end);
    if (extent === -2)
      return this.#stopArray(
        piece,
        start,
        'A text holds a raw newline; the rest of the array was not read.',
      );
    if (extent === -1 || (extent === end && !piece.final)) return piece.final ? end : -1;
    const next = this.#judgeElement(piece, start, extent);
    this.#array = 'separator';
    return next;
  }

  #judgeElement(piece: Piece, start: number, extent: number): number {
    joinLines(piece.bytes, start, extent);
    const isSmall = extent - start <= LIMITS.recordBytesMax;
    if (isSmall && !this.#suspect && this.#scanner.accept(piece.bytes, start) === extent) {
      this.#accept(
        piece,
        start,
        extent,
        this.#scanner.keyRange[0] as number,
        this.#scanner.keyRange[1] as number,
      );
      return extent;
    }
    return this.#judge(piece, start, extent, extent);
  }

  #stopArray(piece: Piece, at: number, message: string): number {
    this.#refuse(piece, at, Math.min(piece.end, at + 100), 'MR_RECORD_SYNTAX', message);
    this.#array = 'closed';
    return piece.end;
  }

  /** Lets the reference validator decide about [start, end). */
  #judge(piece: Piece, start: number, end: number, next: number): number {
    const { bytes } = piece;
    const record = bytes.subarray(start, end);
    if (record.length > LIMITS.recordBytesMax)
      this.#refuse(
        piece,
        start,
        end,
        'MR_RECORD_TOO_LARGE',
        `The record has ${record.length} bytes; at most ${LIMITS.recordBytesMax} are allowed.`,
      );
    else if (this.#suspect && !isUtf8(record))
      this.#refuse(piece, start, end, 'MR_RECORD_ENCODING', notUtf8(record));
    else {
      const verdict = this.#validator.check(record.toString());
      if ('refusal' in verdict) {
        piece.rejected.push({ index: this.#index, ...verdict.refusal, bytes: Buffer.from(record) });
        this.#index += 1;
      } else {
        joinLines(bytes, start, end);
        const key = verdict.key === undefined ? undefined : Buffer.from(verdict.key);
        this.#add(
          piece,
          start,
          end,
          this.#keyed ? this.#router.byKey(key ?? EMPTY, 0, key?.length ?? 0) : piece.shard,
        );
        if (verdict.id !== undefined) piece.ids?.addText(verdict.id);
      }
    }
    return next;
  }

  #refuse(piece: Piece, start: number, end: number, code: Rejected['code'], message: string): void {
    piece.rejected.push({
      index: this.#index,
      code,
      message,
      bytes: Buffer.from(piece.bytes.subarray(start, end)),
    });
    this.#index += 1;
  }

  #accept(piece: Piece, start: number, end: number, keyStart: number, keyEnd: number): void {
    const shard = this.#keyed
      ? keyStart === -1
        ? this.#router.byKey(EMPTY, 0, 0)
        : this.#router.byKey(piece.bytes, keyStart, keyEnd)
      : piece.shard;
    this.#add(piece, start, end, shard);
    const [idStart, idEnd] = this.#scanner.idRange as unknown as [number, number];
    if (idStart !== -1) piece.ids?.addBytes(piece.bytes, idStart, idEnd);
  }

  #add(piece: Piece, start: number, end: number, shard: number): void {
    piece.add(start, end, shard);
    piece.ids?.begin(this.#index);
    this.#index += 1;
  }
}

const EMPTY = Buffer.alloc(0);

function notUtf8(record: Buffer): string {
  const at = firstBadByte(record);
  return `The record is not valid UTF-8 from byte ${at} on (0x${(record[at] ?? 0).toString(16)}).`;
}

function trimEnd(bytes: Buffer, start: number, end: number): number {
  let last = end;
  while (last > start && isSpace(bytes[last - 1])) last--;
  return last;
}

function skipSpaceInLine(bytes: Buffer, at: number, end: number): number {
  let p = at;
  while (p < end && bytes[p] !== NEWLINE && isSpace(bytes[p])) p++;
  return p;
}
