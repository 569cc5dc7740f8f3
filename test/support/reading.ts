import { type IncomingMessage, request } from 'node:http';
import type { FileSystem } from '../../src/core/file-system.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { type RecordForm, RecordLines } from '../../src/stream/record-lines.ts';
import {
  type ReadableLog,
  type ReadRequest,
  RecordReader,
} from '../../src/stream/record-reader.ts';
import type { StreamLog } from '../../src/stream/stream-store.ts';

/** A line of an answer, parsed; the record as the text that came. */
export interface ReadLine {
  readonly sequence: number;
  readonly shard: number;
  readonly arrivedAt: string;
  readonly text: string;
}

export interface ReadAnswer {
  readonly records: readonly ReadLine[];
  /** `5..9@0`, in their places among the records. */
  readonly damaged: readonly string[];
  /** Numbers of records and damage as they came. */
  readonly order: readonly string[];
}

export function parseLines(text: string): ReadAnswer {
  const records: ReadLine[] = [];
  const damaged: string[] = [];
  const order: string[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const parsed = JSON.parse(line) as {
      sequenceNumber: string;
      shard: number;
      arrivedAt: string;
      damaged?: { first: string; last: string; shard?: number };
    };
    if (parsed.damaged) {
      const { first, last, shard = '?' } = parsed.damaged;
      damaged.push(`${first}..${last}@${shard}`);
      order.push(damaged.at(-1) as string);
      continue;
    }
    const at = line.indexOf('"record":') + 9;
    const { sequenceNumber, shard, arrivedAt } = parsed;
    records.push({ sequence: Number(sequenceNumber), shard, arrivedAt, text: line.slice(at, -1) });
    order.push(sequenceNumber);
  }
  return { records, damaged, order };
}

export function readerOf(files: FileSystem, request: Partial<ReadRequest> = {}): RecordReader {
  return new RecordReader(files, {
    from: 0,
    until: undefined,
    sinceMs: undefined,
    shards: undefined,
    key: undefined,
    limit: undefined,
    ...request,
  });
}

export const readBuffer = (): Buffer => Buffer.alloc(LIMITS.recordBytesMax + 4096);

/** The next piece, as it goes to a program. */
export async function nextPiece(
  reader: RecordReader,
  log: ReadableLog,
  { buffer = readBuffer(), form = 'ndjson' as RecordForm } = {},
): Promise<Buffer> {
  const lines = new RecordLines(form);
  await reader.next(log, buffer, lines);
  return lines.bytes();
}

/** The pieces up to the end of the log as it is; each is looked at before the next is read. */
export async function piecesOf(
  reader: RecordReader,
  log: StreamLog,
  { form = 'ndjson' as RecordForm, onPiece = (_piece: Buffer): void => {} } = {},
): Promise<string> {
  const buffer = readBuffer();
  let text = '';
  while (!reader.done && reader.position < log.nextSequence) {
    const piece = await nextPiece(reader, log, { buffer, form });
    onPiece(piece);
    text += piece.toString();
  }
  return text;
}

/** A connection whose bytes are taken only when asked for. */
export function openReader(
  url: string,
  query: string,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(`${url}?${query}`, { headers, agent: false }, resolve).on('error', reject).end();
  });
}

/** Events of a connection so far; resumes as a browser does, by the last id. */
export class Events {
  readonly records: number[] = [];
  readonly named: string[] = [];
  lastEventId: string | undefined;
  isOpen = false;
  status = 0;

  async open(url: string, query: string): Promise<void> {
    const response = await openReader(url, query, {
      accept: 'text/event-stream',
      ...(this.lastEventId === undefined ? {} : { 'last-event-id': this.lastEventId }),
    });
    this.status = response.statusCode ?? 0;
    this.isOpen = true;
    let rest = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop() as string;
      for (const block of blocks) this.#take(block);
    });
    const closed = () => {
      this.isOpen = false;
    };
    response.on('close', closed).on('error', closed);
  }

  #take(block: string): void {
    const member = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    this.lastEventId = member('id') ?? this.lastEventId;
    const [name, data] = [member('event'), member('data')];
    if (name !== undefined) this.named.push(`${name} ${data}`);
    else if (data !== undefined)
      this.records.push(Number((JSON.parse(data) as { sequenceNumber: string }).sequenceNumber));
    else if (block.includes(': heartbeat')) this.named.push('heartbeat');
  }
}

export async function readMetric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}
