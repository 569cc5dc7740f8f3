import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { MillraceError } from '../../core/errors.ts';
import { textOfBytes, wholeCharacters } from '../../wire/utf8.ts';
import { unzstd } from '../../wire/zstd.ts';
import { type Evidence, EvidenceCounter } from '../encoding.ts';

const CHUNK_BYTES = 256 * 1024;

/** Bytes of a file, inflated by its ending (.gz, .zst). */
export async function* fileBytes(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    if (path.endsWith('.gz')) yield* gunzip(file);
    else if (path.endsWith('.zst')) yield* unzstd(file);
    else for await (const chunk of file) yield chunk as Buffer;
  } catch (error) {
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${path} could not be read: ${(error as Error).message}.`,
      { cause: error },
    );
  } finally {
    file.destroy();
  }
}

async function* gunzip(file: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  const inflater = createGunzip({ chunkSize: CHUNK_BYTES });
  // Its failure is the inflater's, which throws below.
  const piped = pipeline(file, inflater).catch(() => undefined);
  for await (const chunk of inflater) yield chunk as Buffer;
  await piped;
}

/** The name without the endings of compression. */
export function plainName(path: string): string {
  return path.replace(/\.(gz|zst)$/i, '');
}

const MARKS = { parquet: 'PAR1', orc: 'ORC', avro: 'Obj\x01' } as const;
const NAMES = { parquet: 'a Parquet', orc: 'an ORC', avro: 'an Avro' } as const;

/** What a file begins with tells its format. Parquet's mark stands at both ends: without the second it was cut off. */
export async function requireMark(path: string, format: keyof typeof MARKS): Promise<void> {
  const [mark, name] = [MARKS[format], NAMES[format]];
  const refuse = (problem: string) => new MillraceError('MR_IMPORT_FILE', `${path} ${problem}`);
  if (plainName(path) !== path)
    throw refuse(`is packed, and ${name} file is packed inside; unpack the file first.`);
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const hasMark = async (position: number) => {
      const { buffer } = await file.read(Buffer.alloc(mark.length), 0, mark.length, position);
      return buffer.toString('latin1') === mark;
    };
    if (size === 0) throw refuse(`is empty, and so not ${name} file.`);
    if (!(await hasMark(0)))
      throw refuse(
        `is not ${name} file: it does not begin with ${mark.replace(/\W/g, '')}. Say what it is with --format, for example csv.`,
      );
    if (format === 'parquet' && (size < 12 || !(await hasMark(size - mark.length))))
      throw refuse(
        `is cut off: it begins as ${name} file and does not end as one (${size} bytes). Copy it again.`,
      );
  } finally {
    await file.close();
  }
}

export interface Fingerprint {
  /** Of the content, inflated. */
  readonly sha256: string;
  readonly bytes: number;
  /** The encoding that a byte order mark names. */
  readonly marked: string | undefined;
  readonly evidence: Evidence;
}

/** Reads the file once: its checksum, and of a text what tells its encoding. */
export async function fingerprint(
  path: string,
  { isText }: { isText: boolean },
): Promise<Fingerprint> {
  const hash = createHash('sha256');
  const evidence = new EvidenceCounter();
  let marked: string | undefined;
  let bytes = 0;
  for await (const piece of wholeCharacters(fileBytes(path))) {
    if (bytes === 0) marked = byteOrderMark(piece);
    bytes += piece.length;
    hash.update(piece);
    if (isText) evidence.take(piece);
  }
  return { sha256: hash.digest('hex'), bytes, marked, evidence };
}

function byteOrderMark(piece: Buffer): string | undefined {
  if (piece[0] === 0xff && piece[1] === 0xfe) return 'utf-16le';
  if (piece[0] === 0xfe && piece[1] === 0xff) return 'utf-16be';
  if (piece[0] === 0xef && piece[1] === 0xbb && piece[2] === 0xbf) return 'utf-8';
  return undefined;
}

/**
 * The file as text without its byte order mark; a byte that is not of the encoding is never a replacement
 * character. In UTF-8 it stays to be seen (`textOfBytes`), in other encodings it is an error.
 */
export async function* fileText(path: string, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  if (decoder.encoding === 'utf-8') {
    for await (const piece of utf8Pieces(path)) yield textOfBytes(piece);
    return;
  }
  try {
    for await (const chunk of fileBytes(path)) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${path} is not ${encoding}. Name its encoding with --encoding, for example windows-1252.`,
      { cause: error },
    );
  }
}

/** The file as UTF-8 without its byte order mark; bytes that are not UTF-8 stay where the file is. */
export async function* fileUtf8(path: string, encoding: string): AsyncGenerator<Buffer> {
  if (new TextDecoder(encoding).encoding === 'utf-8') yield* utf8Pieces(path);
  else for await (const text of fileText(path, encoding)) yield Buffer.from(text);
}

async function* utf8Pieces(path: string): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const piece of wholeCharacters(fileBytes(path))) {
    yield isFirst && byteOrderMark(piece) === 'utf-8' ? piece.subarray(3) : piece;
    isFirst &&= piece.length === 0;
  }
}
