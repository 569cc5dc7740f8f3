import { gzipSync } from 'node:zlib';

/** Small bodies that become large ones: lines without a record, and a record that does not end. */

const GZIP_BYTES = 256 * 1024 * 1024;
const ZSTD_BYTES = 1024 * 1024 * 1024;
const ZSTD_BLOCK_BYTES = 128 * 1024;

/** A frame of blocks that say one byte and how often it comes (RFC 8878, 3.1.1.2.2): 4 bytes become 128 KiB. */
function zstdOf(byte) {
  const blocks = ZSTD_BYTES / ZSTD_BLOCK_BYTES;
  const frame = Buffer.alloc(6 + blocks * 4);
  // Magic number, no flags, a window of 128 KiB.
  frame.set([0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3]);
  for (let block = 0; block < blocks; block++) {
    const isLast = block === blocks - 1 ? 1 : 0;
    frame.writeUIntLE((ZSTD_BLOCK_BYTES << 3) | (1 << 1) | isLast, 6 + block * 4, 3);
    frame[6 + block * 4 + 3] = byte;
  }
  return frame;
}

const gzipOf = (text) => gzipSync(Buffer.alloc(GZIP_BYTES, text));
const [NEWLINE, LETTER] = [10, 120];

export const bombs = [
  { name: 'gzip of empty lines', encoding: 'gzip', bytes: gzipOf(NEWLINE) },
  { name: 'zstd of empty lines', encoding: 'zstd', bytes: zstdOf(NEWLINE) },
  { name: 'gzip of one line', encoding: 'gzip', bytes: gzipOf(LETTER) },
  { name: 'zstd of one line', encoding: 'zstd', bytes: zstdOf(LETTER) },
];
