/**
 * One block of Snappy's raw format (google/snappy, format_description.txt), which Avro and Parquet have inside.
 * @throws Error at damage, and where it says to be longer than `lengthMax`
 */
export function unsnappy(packed: Uint8Array, lengthMax: number): Buffer {
  const preamble = lengthOf(packed);
  if (preamble.length > lengthMax)
    throw new Error(`a block of ${preamble.length} bytes; at most ${lengthMax} are taken`);
  const bytes = Buffer.allocUnsafe(preamble.length);
  let from = preamble.at;
  let to = 0;
  while (from < packed.length) {
    const element = elementAt(packed, from);
    from = element.next;
    if (to + element.length > bytes.length) throw damaged();
    if (element.back === undefined) {
      const end = from + element.length;
      if (end > packed.length) throw damaged();
      bytes.set(packed.subarray(from, end), to);
      from = end;
    } else copyBack(bytes, to, element.back, element.length);
    to += element.length;
  }
  if (to !== bytes.length) throw damaged();
  return bytes;
}

interface Element {
  readonly length: number;
  /** How far back the bytes to be copied begin; undefined where they follow as they are. */
  readonly back?: number;
  readonly next: number;
}

function elementAt(packed: Uint8Array, at: number): Element {
  const tag = packed[at] as number;
  const upper = tag >> 2;
  switch (tag & 3) {
    case 0: {
      if (upper < 60) return { length: upper + 1, next: at + 1 };
      const size = upper - 59;
      return { length: littleEndian(packed, at + 1, size) + 1, next: at + 1 + size };
    }
    case 1:
      return {
        length: (upper & 7) + 4,
        back: ((tag >> 5) << 8) | littleEndian(packed, at + 1, 1),
        next: at + 2,
      };
    case 2:
      return { length: upper + 1, back: littleEndian(packed, at + 1, 2), next: at + 3 };
    default:
      return { length: upper + 1, back: littleEndian(packed, at + 1, 4), next: at + 5 };
  }
}

/** Byte by byte where the two overlap: what was just written is what is copied. */
function copyBack(bytes: Buffer, to: number, back: number, length: number): void {
  if (back === 0 || back > to) throw damaged();
  if (back >= length) bytes.copyWithin(to, to - back, to - back + length);
  else for (let at = to; at < to + length; at++) bytes[at] = bytes[at - back] as number;
}

function lengthOf(packed: Uint8Array): { length: number; at: number } {
  let length = 0;
  for (let at = 0; at < 5 && at < packed.length; at++) {
    const byte = packed[at] as number;
    length += (byte & 127) * 2 ** (7 * at);
    if (byte < 128) return { length, at: at + 1 };
  }
  throw damaged();
}

function littleEndian(packed: Uint8Array, at: number, size: number): number {
  if (at + size > packed.length) throw damaged();
  let value = 0;
  for (let index = size - 1; index >= 0; index--)
    value = value * 256 + (packed[at + index] as number);
  return value;
}

const damaged = (): Error => new Error('a block of Snappy is damaged');
