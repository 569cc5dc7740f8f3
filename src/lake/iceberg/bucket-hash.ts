import { twosComplement } from './bounds.ts';

/**
 * The hash of the bucket transform: murmur3, x86, 32 bits, seed 0 (Iceberg specification, appendix B).
 * Integers, dates and times hash as 64-bit little-endian, decimals as the fewest bytes that hold their
 * unscaled value, texts as UTF-8, uuids as their 16 bytes.
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

export function hashBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  const tail = length & ~3;
  let hash = 0;
  for (let at = 0; at < tail; at += 4) hash = mixBlock(hash, view.getInt32(at, true));
  let last = 0;
  for (let at = length - 1; at >= tail; at--) last = (last << 8) | (bytes[at] as number);
  if (length > tail) hash ^= scramble(last);
  return finish(hash, length);
}

export function hashLong(value: bigint): number {
  const low = Number(BigInt.asIntN(32, value));
  const high = Number(BigInt.asIntN(32, value >> 32n));
  return finish(mixBlock(mixBlock(0, low), high), 8);
}

/** `text` is the decimal in all its digits behind the point. */
export function hashDecimal(text: string): number {
  return hashBytes(twosComplement(BigInt(text.replace('.', ''))));
}

function scramble(block: number): number {
  const mixed = Math.imul(block, C1);
  return Math.imul((mixed << 15) | (mixed >>> 17), C2);
}

function mixBlock(hash: number, block: number): number {
  const mixed = hash ^ scramble(block);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number, length: number): number {
  let mixed = hash ^ length;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
