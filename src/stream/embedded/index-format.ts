import { crc32 } from 'node:zlib';
import { SECTOR_BYTES } from '../../core/file-system.ts';

/**
 * The index file: per commit one header of 128 bytes and a run of 64 bytes per shard, in as many
 * 512-byte sectors as that takes. Little-endian. A commit checks itself: its CRC covers all sectors.
 *
 * header  0 u32 magic | 4 u16 format | 6 u16 sectors | 8 u64 commit | 16 16B epoch | 32 u32 schema version
 *         36 u32 runs | 40 u64 time ms | 48 u64 first sequence | 56 u64 data position | 64 32B room for SHA-256
 *         96 u64 metadata position | 104 u32 metadata length | 108 u32 metadata CRC | 112 u32 records
 *         116 u32 data length with padding | 120 u32 zero | 124 u32 CRC of the sectors with this field zero
 * run     0 u32 shard | 4 u32 records | 8 u64 position | 16 u32 length without padding | 20 u32 CRC
 *         24 u64 first sequence | 32 u64 keys position | 40 u32 keys length, 0 for none | 44 u32 keys CRC
 *         48 16B room for the request
 */
const MAGIC = 0x3149524d;
const FORMAT = 1;
const HEADER_BYTES = 128;
const RUN_BYTES = 64;
const CRC_AT = 124;

export interface CommitRun {
  readonly shard: number;
  readonly count: number;
  readonly position: number;
  readonly length: number;
  readonly crc: number;
  readonly firstSequence: number;
  /** Of the partition keys of its records, in the keys file. */
  readonly keysPosition: number;
  readonly keysLength: number;
  readonly keysCrc: number;
}

export interface CommitEntry {
  readonly commit: number;
  readonly schemaVersion: number;
  readonly timeMs: number;
  readonly firstSequence: number;
  readonly records: number;
  readonly dataPosition: number;
  readonly dataLength: number;
  readonly metadataPosition: number;
  readonly metadataLength: number;
  readonly metadataCrc: number;
  readonly runs: readonly CommitRun[];
}

export function indexBytes(runs: number): number {
  return Math.ceil((HEADER_BYTES + runs * RUN_BYTES) / SECTOR_BYTES) * SECTOR_BYTES;
}

/** Writes the entry to `target`, which must be `indexBytes(entry.runs.length)` long. */
export function writeEntry(target: Buffer, epoch: Buffer, entry: CommitEntry): void {
  target.fill(0);
  target.writeUInt32LE(MAGIC, 0);
  target.writeUInt16LE(FORMAT, 4);
  target.writeUInt16LE(target.length / SECTOR_BYTES, 6);
  writeUInt64(target, entry.commit, 8);
  epoch.copy(target, 16);
  target.writeUInt32LE(entry.schemaVersion, 32);
  target.writeUInt32LE(entry.runs.length, 36);
  writeUInt64(target, entry.timeMs, 40);
  writeUInt64(target, entry.firstSequence, 48);
  writeUInt64(target, entry.dataPosition, 56);
  writeUInt64(target, entry.metadataPosition, 96);
  target.writeUInt32LE(entry.metadataLength, 104);
  target.writeUInt32LE(entry.metadataCrc, 108);
  target.writeUInt32LE(entry.records, 112);
  target.writeUInt32LE(entry.dataLength, 116);
  entry.runs.forEach((run, index) => {
    const at = HEADER_BYTES + index * RUN_BYTES;
    target.writeUInt32LE(run.shard, at);
    target.writeUInt32LE(run.count, at + 4);
    writeUInt64(target, run.position, at + 8);
    target.writeUInt32LE(run.length, at + 16);
    target.writeUInt32LE(run.crc, at + 20);
    writeUInt64(target, run.firstSequence, at + 24);
    writeUInt64(target, run.keysPosition, at + 32);
    target.writeUInt32LE(run.keysLength, at + 40);
    target.writeUInt32LE(run.keysCrc, at + 44);
  });
  target.writeUInt32LE(crc32(target), CRC_AT);
}

/** The entry at `at`, or undefined where there is no whole, sound entry of this log. */
export function readEntry(
  index: Buffer,
  at: number,
  epoch: Buffer,
): { entry: CommitEntry; bytes: number } | undefined {
  if (at + SECTOR_BYTES > index.length || index.readUInt32LE(at) !== MAGIC) return undefined;
  const bytes = index.readUInt16LE(at + 6) * SECTOR_BYTES;
  const runs = index.readUInt32LE(at + 36);
  if (
    index.readUInt16LE(at + 4) !== FORMAT ||
    bytes !== indexBytes(runs) ||
    at + bytes > index.length
  )
    return undefined;
  const sectors = Buffer.from(index.subarray(at, at + bytes));
  const crc = sectors.readUInt32LE(CRC_AT);
  sectors.writeUInt32LE(0, CRC_AT);
  if (crc32(sectors) !== crc || !sectors.subarray(16, 32).equals(epoch)) return undefined;
  return { entry: parseEntry(sectors, runs), bytes };
}

/** Far more than a commit to every shard that a stream may have takes. */
const ENTRY_SECTORS_MAX = 64;

/** Length of the entry whose first sector is at `at`, as far as that sector can be believed. */
export function declaredBytes(index: Buffer, at: number): number {
  if (at + SECTOR_BYTES > index.length || !looksLikeHeader(index, at)) return SECTOR_BYTES;
  const sectors = index.readUInt16LE(at + 6);
  return (sectors >= 1 && sectors <= ENTRY_SECTORS_MAX ? sectors : 1) * SECTOR_BYTES;
}

/**
 * The entry at `at` where a single bit of it is wrong: only one flip back makes its checksum match. So
 * a flipped bit in the index, which would hide a whole commit, hides nothing.
 */
export function repairEntry(
  index: Buffer,
  at: number,
  epoch: Buffer,
): { entry: CommitEntry; bytes: number } | undefined {
  if (!looksLikeHeader(index, at)) return undefined;
  const sectors = Buffer.from(index.subarray(at, at + ENTRY_SECTORS_MAX * SECTOR_BYTES));
  const bits = Math.min(declaredBytes(index, at), sectors.length) * 8;
  for (let bit = 0; bit < bits; bit++) {
    flip(sectors, bit);
    const found = readEntry(sectors, 0, epoch);
    if (found) return found;
    flip(sectors, bit);
  }
  return undefined;
}

function flip(bytes: Buffer, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
}

/** The magic number, or one bit away from it. */
function looksLikeHeader(index: Buffer, at: number): boolean {
  if (at + SECTOR_BYTES > index.length) return false;
  const wrong = index.readUInt32LE(at) ^ MAGIC;
  return (wrong & (wrong - 1)) === 0;
}

function parseEntry(sectors: Buffer, runs: number): CommitEntry {
  return {
    commit: readUInt64(sectors, 8),
    schemaVersion: sectors.readUInt32LE(32),
    timeMs: readUInt64(sectors, 40),
    firstSequence: readUInt64(sectors, 48),
    records: sectors.readUInt32LE(112),
    dataPosition: readUInt64(sectors, 56),
    dataLength: sectors.readUInt32LE(116),
    metadataPosition: readUInt64(sectors, 96),
    metadataLength: sectors.readUInt32LE(104),
    metadataCrc: sectors.readUInt32LE(108),
    runs: Array.from({ length: runs }, (_, index) => {
      const at = HEADER_BYTES + index * RUN_BYTES;
      return {
        shard: sectors.readUInt32LE(at),
        count: sectors.readUInt32LE(at + 4),
        position: readUInt64(sectors, at + 8),
        length: sectors.readUInt32LE(at + 16),
        crc: sectors.readUInt32LE(at + 20),
        firstSequence: readUInt64(sectors, at + 24),
        keysPosition: readUInt64(sectors, at + 32),
        keysLength: sectors.readUInt32LE(at + 40),
        keysCrc: sectors.readUInt32LE(at + 44),
      };
    }),
  };
}

function writeUInt64(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value % 0x1_0000_0000, at);
  target.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

function readUInt64(source: Buffer, at: number): number {
  return source.readUInt32LE(at) + source.readUInt32LE(at + 4) * 0x1_0000_0000;
}
