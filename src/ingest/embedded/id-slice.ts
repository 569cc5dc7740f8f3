import { crc32 } from 'node:zlib';
import type { FileHandle, FileSystem } from '../../core/file-system.ts';
import { ID_WORDS } from '../dedupe-window.ts';
import type { IdTable } from './id-table.ts';

/**
 * A closed part of the window on disk: hashes in order with their times, and a Bloom filter of them.
 * Little-endian words:
 * header  0 magic | 1 format | 2 entries | 3 CRC-32 of all behind the header | 4-5 base time ms
 *         6-7 last time ms | 8-9 sequence number before which all ids are in this file or an older one
 * then    entries of 4 words (hash, offset of the time from the base + 1) | filter
 */
const MAGIC = 0x3144524d;
const FORMAT = 1;
const HEADER_WORDS = 16;
const ENTRY_WORDS = ID_WORDS + 1;
/** One read finds an entry: every so many entries one hash is kept in memory. */
const BLOCK_ENTRIES = 256;
const BLOCK_BYTES = BLOCK_ENTRIES * ENTRY_WORDS * 4;
/** 16 bits and 8 probes an id within one cache line: one in a thousand is looked up in vain. */
const FILTER_LINE_BITS = 512;
const FILTER_IDS_PER_LINE = 32;
const FILTER_PROBES = 8;

export interface SliceFacts {
  readonly lastMs: number;
  /** All ids of records below here are in this slice or an older one. */
  readonly until: number;
}

/** Writes what of the table is not older than `sinceMs`. */
export async function writeSlice(
  files: FileSystem,
  path: string,
  table: IdTable,
  until: number,
  sinceMs: number,
): Promise<void> {
  const entries = table.sorted(sinceMs);
  const count = entries.length / ENTRY_WORDS;
  const filter = filterOf(entries, count);
  const body = Buffer.concat([bytesOf(entries), bytesOf(filter)]);
  const header = Buffer.alloc(HEADER_WORDS * 4);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(FORMAT, 4);
  header.writeUInt32LE(count, 8);
  header.writeUInt32LE(crc32(body), 12);
  header.writeDoubleLE(table.baseMs, 16);
  header.writeDoubleLE(table.lastMs, 24);
  header.writeDoubleLE(until, 32);
  await files.replaceFile(path, Buffer.concat([header, body]));
}

const bytesOf = (words: Uint32Array): Buffer =>
  Buffer.from(words.buffer, words.byteOffset, words.byteLength);

function filterOf(entries: Uint32Array, count: number): Uint32Array {
  const lines = Math.max(1, Math.ceil(count / FILTER_IDS_PER_LINE));
  const filter = new Uint32Array((lines * FILTER_LINE_BITS) / 32);
  for (let entry = 0; entry < count; entry++)
    probe(entries, entry * ENTRY_WORDS, lines, (word, bit) => {
      filter[word] = (filter[word] as number) | bit;
      return true;
    });
  return filter;
}

/** True where `visit` is for every probe of the hash. */
function probe(
  words: Uint32Array,
  at: number,
  lines: number,
  visit: (word: number, bit: number) => boolean,
): boolean {
  const [a, b, c] = [words[at], words[at + 1], words[at + 2]] as [number, number, number];
  const line = Math.floor((a / 0x1_0000_0000) * lines) * (FILTER_LINE_BITS / 32);
  let bit = b;
  for (let step = 0; step < FILTER_PROBES; step++) {
    const within = bit % FILTER_LINE_BITS;
    if (!visit(line + (within >>> 5), 1 << (within & 31))) return false;
    bit = (bit + (c | 1)) >>> 0;
  }
  return true;
}

export class IdSlice implements SliceFacts {
  readonly path: string;
  readonly count: number;
  readonly lastMs: number;
  readonly until: number;
  readonly #baseMs: number;
  readonly #handle: FileHandle;
  readonly #filter: Uint32Array;
  /** First word of the first hash of each block. */
  readonly #blocks: Uint32Array;

  private constructor(path: string, handle: FileHandle, words: Uint32Array, header: Buffer) {
    this.path = path;
    this.#handle = handle;
    this.count = header.readUInt32LE(8);
    this.#baseMs = header.readDoubleLE(16);
    this.lastMs = header.readDoubleLE(24);
    this.until = header.readDoubleLE(32);
    this.#filter = words.slice(this.count * ENTRY_WORDS);
    this.#blocks = Uint32Array.from(
      { length: Math.ceil(this.count / BLOCK_ENTRIES) },
      (_, block) => words[block * BLOCK_ENTRIES * ENTRY_WORDS] as number,
    );
  }

  /** Undefined where the file is damaged or of another format. */
  static async open(files: FileSystem, path: string): Promise<IdSlice | undefined> {
    const bytes = await files.readFile(path);
    const header = bytes.subarray(0, HEADER_WORDS * 4);
    const body = bytes.subarray(HEADER_WORDS * 4);
    const isSound =
      header.length === HEADER_WORDS * 4 &&
      header.readUInt32LE(0) === MAGIC &&
      header.readUInt32LE(4) === FORMAT &&
      header.readUInt32LE(12) === crc32(body);
    if (!isSound) return undefined;
    const words = new Uint32Array(Uint8Array.from(body).buffer);
    return new IdSlice(path, await files.open(path, 'read'), words, header);
  }

  /** False says that it is not there. */
  mayHave(words: Uint32Array, at: number): boolean {
    const lines = this.#filter.length / (FILTER_LINE_BITS / 32);
    return probe(words, at, lines, (word, bit) => ((this.#filter[word] as number) & bit) !== 0);
  }

  /** Epoch ms of the id; undefined where it is not there. */
  async timeOf(words: Uint32Array, at: number): Promise<number | undefined> {
    const first = words[at] as number;
    // Equal first words may begin in the block before.
    for (let block = this.#lastBefore(first); block < this.#blocks.length; block++) {
      if ((this.#blocks[block] as number) > first) return undefined;
      const found = await this.#findIn(block, words, at);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The last block that begins with a lower word: its successors may only hold equal ones. */
  #lastBefore(first: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle] as number) < first) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  async #findIn(block: number, words: Uint32Array, at: number): Promise<number | undefined> {
    const entriesLeft = this.count - block * BLOCK_ENTRIES;
    const length = Math.min(BLOCK_ENTRIES, entriesLeft) * ENTRY_WORDS * 4;
    const bytes = await this.#handle.read(HEADER_WORDS * 4 + block * BLOCK_BYTES, length);
    for (let entry = 0; entry + ENTRY_WORDS * 4 <= bytes.length; entry += ENTRY_WORDS * 4) {
      if (bytes.readUInt32LE(entry) !== words[at]) continue;
      const isEqual =
        bytes.readUInt32LE(entry + 4) === words[at + 1] &&
        bytes.readUInt32LE(entry + 8) === words[at + 2];
      if (isEqual) return this.#baseMs + bytes.readUInt32LE(entry + ID_WORDS * 4) - 1;
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
