import { decompress } from 'fzstd';

/**
 * A file as zstd frames of its own (RFC 8878), one behind the other, and a table of them at the end: the Zstandard
 * seekable format 0.1.0. Any zstd tool reads it; one that knows the table reads each frame without the others,
 * so that a damaged one costs only what is in it.
 */
export interface Frame {
  /** In the compressed file. */
  readonly position: number;
  readonly length: number;
  /** In the file that was compressed. */
  readonly start: number;
  readonly size: number;
}

const SKIPPABLE = 0x184d2a5e;
const SEEKABLE = 0x8f92eab1;
const ENTRY_BYTES = 8;
const HEADER_BYTES = 8;
/** Number of frames, a byte that says that entries have no checksums, the magic number. */
export const FOOTER_BYTES = 9;

export type Compress = (bytes: Uint8Array) => Uint8Array;

const LEVEL = 3;

/** Node 20 has no zstd of its own, and what reads it here does not write it; loaded by whoever needs it. */
export async function loadCompressor(): Promise<Compress> {
  const { Zstd } = await import('@hpcc-js/wasm-zstd');
  const zstd = await Zstd.load();
  return (bytes) => zstd.compress(bytes, LEVEL);
}

/** The table that goes behind the frames. */
export function seekTable(frames: readonly Pick<Frame, 'length' | 'size'>[]): Buffer {
  const content = frames.length * ENTRY_BYTES + FOOTER_BYTES;
  const table = Buffer.alloc(HEADER_BYTES + content);
  table.writeUInt32LE(SKIPPABLE, 0);
  table.writeUInt32LE(content, 4);
  for (const [index, { length, size }] of frames.entries()) {
    table.writeUInt32LE(length, HEADER_BYTES + index * ENTRY_BYTES);
    table.writeUInt32LE(size, HEADER_BYTES + index * ENTRY_BYTES + 4);
  }
  const footer = table.length - FOOTER_BYTES;
  table.writeUInt32LE(frames.length, footer);
  table.writeUInt32LE(SEEKABLE, table.length - 4);
  return table;
}

/** How many bytes the table has, header included; undefined where the end of the file is no such table. */
export function tableBytes(footer: Buffer): number | undefined {
  if (footer.length !== FOOTER_BYTES || footer.readUInt32LE(5) !== SEEKABLE) return undefined;
  return HEADER_BYTES + footer.readUInt32LE(0) * ENTRY_BYTES + FOOTER_BYTES;
}

/** Undefined where it is not what `seekTable` wrote. */
export function readTable(table: Buffer): Frame[] | undefined {
  const count = (table.length - HEADER_BYTES - FOOTER_BYTES) / ENTRY_BYTES;
  if (!Number.isInteger(count) || count < 0 || table.readUInt32LE(0) !== SKIPPABLE)
    return undefined;
  const frames: Frame[] = [];
  let [position, start] = [0, 0];
  for (let index = 0; index < count; index++) {
    const length = table.readUInt32LE(HEADER_BYTES + index * ENTRY_BYTES);
    const size = table.readUInt32LE(HEADER_BYTES + index * ENTRY_BYTES + 4);
    frames.push({ position, length, start, size });
    position += length;
    start += size;
  }
  return frames;
}

/** What was compressed to the frame; undefined where it cannot be had from these bytes. */
export function readFrame(bytes: Buffer, { size }: Frame): Uint8Array | undefined {
  try {
    const content = decompress(bytes);
    return content.length === size ? content : undefined;
  } catch {
    // Whatever is wrong with it, there is nothing to be had; who asks knows what is missing then.
    return undefined;
  }
}
