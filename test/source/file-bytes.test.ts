import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fileBytes,
  fileText,
  fingerprint,
  plainName,
} from '../../src/source/embedded/file-bytes.ts';
import { encodingOf } from '../../src/source/encoding.ts';
import { bytesOfText, textOfBytes } from '../../src/wire/utf8.ts';
import { temporaryFolder } from '../support/folder.ts';
import { zstdFrame } from '../support/zstd.ts';

function file(content: string | Buffer, name = 'file.csv'): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}

async function textOf(path: string, encoding: string): Promise<string> {
  let text = '';
  for await (const part of fileText(path, encoding)) text += part;
  return text;
}

const UMLAUT = 'größe,€\n';

/** The encoding of a CSV as it is found where the user says none. */
async function encodingFound(path: string): Promise<string | undefined> {
  const { marked, evidence } = await fingerprint(path, { isText: true });
  return marked ?? encodingOf(evidence);
}

describe('the encoding of a file is found:', () => {
  test.each<[string, Buffer, string, string]>([
    ['UTF-8', Buffer.from(UMLAUT), 'utf-8', UMLAUT],
    ['UTF-8 with mark', Buffer.from(`\ufeff${UMLAUT}`), 'utf-8', UMLAUT],
    ['ASCII', Buffer.from('a,b\n'), 'utf-8', 'a,b\n'],
    [
      'UTF-16, low byte first',
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(UMLAUT, 'utf16le')]),
      'utf-16le',
      UMLAUT,
    ],
    [
      'UTF-16, high byte first',
      Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(UMLAUT, 'utf16le').swap16()]),
      'utf-16be',
      UMLAUT,
    ],
    [
      'Windows-1252',
      Buffer.from([0x67, 0x72, 0xf6, 0xdf, 0x65, 0x2c, 0x80, 0x0a]),
      'windows-1252',
      UMLAUT,
    ],
    ['Latin-1', Buffer.from('café\n', 'latin1'), 'windows-1252', 'café\n'],
    [
      'Latin-1 with an accident that is a character of UTF-8',
      Buffer.from(`LIBERTÉ»${'é'.repeat(10)}\n`, 'latin1'),
      'windows-1252',
      `LIBERTÉ»${'é'.repeat(10)}\n`,
    ],
    ['nothing', Buffer.alloc(0), 'utf-8', ''],
    ['two bytes that are a mark', Buffer.from([0xff, 0xfe]), 'utf-16le', ''],
  ])('%s', async (_, content, encoding, text) => {
    const path = file(content);
    expect(await encodingFound(path)).toBe(encoding);
    expect(await textOf(path, encoding)).toBe(text);
  });

  test('a character cut by the end of a read is still UTF-8', async () => {
    const path = file(`${'x'.repeat(256 * 1024 - 1)}ä`);
    expect(await encodingFound(path)).toBe('utf-8');
    expect((await textOf(path, 'utf-8')).endsWith('xä')).toBe(true);
  });

  test('one broken byte in a file of UTF-8 makes it no other encoding', async () => {
    const content = Buffer.concat([Buffer.from('größe\n'.repeat(10_000)), Buffer.from([0xe9])]);
    expect(await encodingFound(file(content))).toBe('utf-8');
  });

  test.each<[string, Buffer]>([
    [
      'as much of one as of the other',
      Buffer.concat([Buffer.from('é'.repeat(3)), Buffer.from('é'.repeat(9), 'latin1')]),
    ],
    ['bytes that windows-1252 has no characters for', Buffer.from([0x8d, 0x82, 0x8b, 0xb4])],
  ])('nothing is guessed where there is %s', async (_, content) => {
    expect(await encodingFound(file(content))).toBe(undefined);
  });
});

test('a byte that is not UTF-8 is never a replacement character, and comes back as it was', async () => {
  const bytes = Buffer.concat([Buffer.from('ä€𝄞\n'), Buffer.from([0xe9, 0x61, 0xff, 0xe2, 0x82])]);
  const text = await textOf(file(bytes), 'utf-8');
  expect(text).toMatch(/^ä€𝄞\n\udce9a\udcff\udce2\udc82$/);
  expect(bytesOfText(text)).toEqual(bytes);
});

test('any bytes are a text and again these bytes, and a text without damage where they are UTF-8', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), fc.string({ unit: 'binary' }), (some, other) => {
      const bytes = Buffer.concat([Buffer.from(other), some, Buffer.from(other)]);
      expect(bytesOfText(textOfBytes(bytes))).toEqual(bytes);
      expect(textOfBytes(bytes).isWellFormed()).toBe(isUtf8(bytes));
    }),
    { numRuns: 2000 },
  );
});

test('bytes that are not of another encoding are an error, never a replacement character', async () => {
  const path = file(Buffer.from([0x82, 0xff, 0xff]));
  await expect(textOf(path, 'shift_jis')).rejects.toMatchObject({
    code: 'MR_IMPORT_FILE',
    message: expect.stringMatching(/is not shift_jis.*--encoding, for example windows-1252/),
  });
});

test('a fingerprint is the checksum of the content, compressed or not', async () => {
  const sha256 = createHash('sha256').update(UMLAUT).digest('hex');
  const bytes = Buffer.byteLength(UMLAUT);
  for (const path of [
    file(UMLAUT),
    file(gzipSync(UMLAUT), 'file.csv.gz'),
    file(zstdFrame(Buffer.from(UMLAUT)), 'file.csv.zst'),
  ])
    expect(await fingerprint(path, { isText: true })).toMatchObject({ sha256, bytes });
});

test('gzip of several members is read to its end', async () => {
  const path = file(Buffer.concat([gzipSync('a,b\n'), gzipSync('1,2\n')]), 'file.csv.gz');
  expect(await textOf(path, 'utf-8')).toBe('a,b\n1,2\n');
});

test.each([
  ['damaged gzip', Buffer.from('no gzip'), 'file.csv.gz'],
  ['cut gzip', gzipSync('x'.repeat(100_000)).subarray(0, 60), 'file.csv.gz'],
  ['damaged zstd', Buffer.from('no zstd at all'), 'file.csv.zst'],
])('%s is an error that names the file', async (_, content, name) => {
  const path = file(content, name);
  const drain = async () => {
    for await (const chunk of fileBytes(path)) expect(chunk.length).toBeGreaterThan(0);
  };
  await expect(drain()).rejects.toMatchObject({
    code: 'MR_IMPORT_FILE',
    message: expect.stringContaining(`${path} could not be read`),
  });
});

test('the ending of compression is not part of a name', () => {
  expect(['a.csv.gz', 'a.csv.zst', 'a.csv', 'a.gz.csv'].map(plainName)).toEqual([
    'a.csv',
    'a.csv',
    'a.csv',
    'a.gz.csv',
  ]);
});
