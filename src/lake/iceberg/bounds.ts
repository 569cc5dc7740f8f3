/**
 * Column bounds in Iceberg's single-value serialisation (specification, appendix D), from the texts
 * that DuckDB's RETURN_STATS gives. Where a text has no exact value there is no bound: none is safe.
 */
const TRUNCATED_CHARACTERS = 16;
const DAY_MS = 86_400_000;

export function lowerBound(type: string, text: string): Buffer | undefined {
  if (type === 'string') return Buffer.from([...text].slice(0, TRUNCATED_CHARACTERS).join(''));
  if (type === 'binary') return Buffer.from(text, 'hex').subarray(0, TRUNCATED_CHARACTERS);
  return exactBound(type, text, -0);
}

export function upperBound(type: string, text: string): Buffer | undefined {
  if (type === 'string') return upperText(text);
  if (type === 'binary') return upperBytes(Buffer.from(text, 'hex'));
  return exactBound(type, text, 0);
}

/** @param zero that bounds both: the engine takes -0 and 0 for equal, Iceberg orders them */
function exactBound(type: string, text: string, zero: number): Buffer | undefined {
  if (type.startsWith('decimal')) return decimalBound(text, Number(/,\s*(\d+)\)/.exec(type)?.[1]));
  switch (type) {
    case 'boolean':
      return Buffer.from([text === '1' || text === 'true' ? 1 : 0]);
    case 'int':
      return fixed(4, (buffer) => buffer.writeInt32LE(Number(text)));
    case 'long':
      return fixed(8, (buffer) => buffer.writeBigInt64LE(BigInt(text)));
    case 'float':
      return finite(text, zero, (value) => fixed(4, (buffer) => buffer.writeFloatLE(value)));
    case 'double':
      return finite(text, zero, (value) => fixed(8, (buffer) => buffer.writeDoubleLE(value)));
    case 'date': {
      const time = Date.parse(`${text}T00:00:00Z`);
      return Number.isNaN(time)
        ? undefined
        : fixed(4, (buffer) => buffer.writeInt32LE(time / DAY_MS));
    }
    case 'timestamp':
    case 'timestamptz': {
      const micros = microseconds(text);
      return micros === undefined
        ? undefined
        : fixed(8, (buffer) => buffer.writeBigInt64LE(micros));
    }
    default:
      // uuid bounds make Spark's metadata tables fail (iceberg.md §4.2).
      return undefined;
  }
}

function fixed(bytes: number, write: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(bytes);
  write(buffer);
  return buffer;
}

function finite(text: string, zero: number, bound: (value: number) => Buffer): Buffer | undefined {
  const value = text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text);
  return Number.isNaN(value) ? undefined : bound(value === 0 ? zero : value);
}

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00)?$/;

/** `2010-12-01 08:26:00.5` as microseconds since 1970; undefined for BC, infinities and other zones. */
export function microseconds(text: string): bigint | undefined {
  const match = TIMESTAMP.exec(text);
  if (!match) return undefined;
  const seconds =
    Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`) / 1000;
  return BigInt(seconds) * 1_000_000n + BigInt((match[7] ?? '').padEnd(6, '0'));
}

/** The unscaled value as the shortest big-endian two's complement. */
function decimalBound(text: string, scale: number): Buffer | undefined {
  const match = /^(-?)(\d*)(?:\.(\d+))?$/.exec(text);
  if (!match) return undefined;
  const unscaled = BigInt(`${match[1]}${match[2] || '0'}${(match[3] ?? '').padEnd(scale, '0')}`);
  return twosComplement(unscaled);
}

export function twosComplement(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = Number(rest & 0xffn);
    bytes.unshift(byte);
    rest >>= 8n;
    if ((rest === 0n && byte < 0x80) || (rest === -1n && byte >= 0x80)) return Buffer.from(bytes);
  }
}

/** A text cut short is below what it stood for: its last character that can be raised is raised. */
function upperText(text: string): Buffer | undefined {
  const characters = [...text];
  if (characters.length <= TRUNCATED_CHARACTERS) return Buffer.from(text);
  const kept = characters.slice(0, TRUNCATED_CHARACTERS);
  while (kept.length > 0) {
    const raised = (kept.pop()?.codePointAt(0) as number) + 1;
    if (raised > 0x10ffff) continue;
    // Surrogates are no characters; the next one that is comes behind them.
    return Buffer.from(
      kept.join('') + String.fromCodePoint(raised >= 0xd800 && raised <= 0xdfff ? 0xe000 : raised),
    );
  }
  return undefined;
}

function upperBytes(bytes: Buffer): Buffer | undefined {
  if (bytes.length <= TRUNCATED_CHARACTERS) return bytes;
  const kept = Buffer.from(bytes.subarray(0, TRUNCATED_CHARACTERS));
  for (let last = kept.length - 1; last >= 0; last--) {
    if (kept[last] === 0xff) continue;
    kept[last] = (kept[last] as number) + 1;
    return kept.subarray(0, last + 1);
  }
  return undefined;
}
