/** A frame with one raw block (RFC 8878): content that was never compressed is still zstd. */
export function zstdFrame(content: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(content.length);
  const block = Buffer.alloc(4);
  block.writeUInt32LE((content.length << 3) | 1);
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]),
    size,
    block.subarray(0, 3),
    content,
  ]);
}

const BLOCK_BYTES = 128 * 1024;

/** A frame whose blocks say one byte and how often it comes: 4 bytes become 128 KiB. `window` is its descriptor. */
export function zstdBomb(byte: number, blocks: number, window = 7 << 3): Buffer {
  const frame = Buffer.alloc(6 + blocks * 4);
  frame.set([0x28, 0xb5, 0x2f, 0xfd, 0x00, window]);
  for (let block = 0; block < blocks; block++) {
    const isLast = block === blocks - 1 ? 1 : 0;
    frame.writeUIntLE((BLOCK_BYTES << 3) | 2 | isLast, 6 + block * 4, 3);
    frame[6 + block * 4 + 3] = byte;
  }
  return frame;
}
