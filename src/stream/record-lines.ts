import type { RunPlace } from './run-reader.ts';

/** How records read back are written: a line of JSON each, or an event each (WHATWG HTML, 9.2). */
export type RecordForm = 'ndjson' | 'events';

/** Takes what is read of a log, a piece at a time. */
export interface RecordSink {
  /** Bytes that were taken. */
  readonly length: number;
  /** Where the records that follow lie. */
  startRun(place: RunPlace): void;
  /** One record, [start, end) of bytes that are used again. */
  record(sequence: number, bytes: Buffer, start: number, end: number): void;
  damaged(damage: DamagedRecords): void;
}

/** Records that cannot be read: their bytes or their index entry are damaged. */
export interface DamagedRecords {
  readonly first: number;
  readonly last: number;
  /** Undefined where the index entry is lost: nobody knows which shards it had. */
  readonly shard?: number;
}

const CARRIAGE_RETURN = 13;
const FIRST_BYTES = 4 * 1024;

/** Writes one piece of an answer. The bytes of a record go through as they are stored. */
export class RecordLines implements RecordSink {
  readonly #isEvents: boolean;
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;
  #place = '';

  constructor(form: RecordForm) {
    this.#isEvents = form === 'events';
  }

  get length(): number {
    return this.#length;
  }

  startRun({ shard, timeMs }: RunPlace): void {
    this.#place = `","shard":${shard},"arrivedAt":"${new Date(timeMs).toISOString()}","record":`;
  }

  record(sequence: number, bytes: Buffer, start: number, end: number): void {
    const head = this.#isEvents ? `id: ${sequence}\ndata: ` : '';
    const text = `${head}{"sequenceNumber":"${sequence}${this.#place}`;
    this.#reserve(text.length + end - start + 3);
    this.#length += this.#buffer.write(text, this.#length, 'latin1');
    const from = this.#length;
    this.#length += bytes.copy(this.#buffer, from, start, end);
    if (this.#isEvents) this.#onOneLine(from);
    this.#text(this.#isEvents ? '}\n\n' : '}\n');
  }

  damaged(damage: DamagedRecords): void {
    const { first, last, shard } = damage;
    const damaged = {
      first: String(first),
      last: String(last),
      ...(shard === undefined ? {} : { shard }),
    };
    const text = this.#isEvents
      ? eventText('damage', { damaged }, last)
      : `${JSON.stringify({ damaged })}\n`;
    this.#reserve(text.length);
    this.#text(text);
  }

  /** What was written. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #text(text: string): void {
    this.#length += this.#buffer.write(text, this.#length, 'latin1');
  }

  /** Between the tokens of a record a carriage return may stand; in an event it would end the line. */
  #onOneLine(from: number): void {
    const written = this.#buffer.subarray(from, this.#length);
    for (let at = written.indexOf(CARRIAGE_RETURN); at !== -1; )
      at = written.fill(32, at, at + 1).indexOf(CARRIAGE_RETURN, at + 1);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** An event with a name of ours; `id` is where a reader goes on behind it. */
export function eventText(name: string, data: object, id?: number): string {
  return `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
