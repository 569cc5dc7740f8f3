import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { MillraceError } from '../../core/errors.ts';
import { unzstd } from '../../wire/zstd.ts';

/** Bytes of a file, inflated by its ending (.gz, .zst). */
export async function* fileBytes(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  try {
    if (path.endsWith('.gz'))
      for await (const chunk of file.pipe(createGunzip())) yield chunk as Buffer;
    else if (path.endsWith('.zst')) yield* unzstd(file);
    else for await (const chunk of file) yield chunk as Buffer;
  } catch (error) {
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${path} could not be read: ${(error as Error).message}.`,
      { cause: error },
    );
  }
}

/** The name without the endings of compression. */
export function plainName(path: string): string {
  return path.replace(/\.(gz|zst)$/i, '');
}

export interface Fingerprint {
  readonly sha256: string;
  readonly encoding: string;
  readonly bytes: number;
}

/** Reads the file once: its checksum, and whether it is UTF-8. A byte order mark decides for itself. */
export async function fingerprint(path: string): Promise<Fingerprint> {
  const hash = createHash('sha256');
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  let encoding: string | undefined;
  let isUtf8 = true;
  let bytes = 0;
  for await (const chunk of fileBytes(path)) {
    if (bytes === 0) encoding = byteOrderMark(chunk);
    bytes += chunk.length;
    hash.update(chunk);
    if (isUtf8 && encoding === undefined) isUtf8 = decodes(utf8, chunk, true);
  }
  if (isUtf8 && encoding === undefined) isUtf8 = decodes(utf8, Buffer.alloc(0), false);
  return {
    sha256: hash.digest('hex'),
    encoding: encoding ?? (isUtf8 ? 'utf-8' : 'windows-1252'),
    bytes,
  };
}

function byteOrderMark(chunk: Buffer): string | undefined {
  if (chunk[0] === 0xff && chunk[1] === 0xfe) return 'utf-16le';
  if (chunk[0] === 0xfe && chunk[1] === 0xff) return 'utf-16be';
  if (chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf) return 'utf-8';
  return undefined;
}

function decodes(
  decoder: InstanceType<typeof TextDecoder>,
  chunk: Buffer,
  stream: boolean,
): boolean {
  try {
    decoder.decode(chunk, { stream });
    return true;
  } catch {
    // A fatal decoder throws for exactly one reason: these bytes are not UTF-8.
    return false;
  }
}

/** The file as text; bytes that are not of the encoding are an error, never a replacement character. */
export async function* fileText(path: string, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
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
