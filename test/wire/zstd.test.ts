import { describe, expect, test } from 'vitest';
import { unzstd } from '../../src/wire/zstd.ts';
import { zstdBomb, zstdFrame } from '../support/zstd.ts';

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function inflate(
  bytes: Buffer,
  size: number,
  takeWindow?: (bytes: number) => void,
): Promise<Buffer[]> {
  const inflated: Buffer[] = [];
  for await (const chunk of unzstd(chunksOf(bytes, size), takeWindow))
    if (chunk.length > 0) inflated.push(chunk);
  return inflated;
}

const SKIPPED = Buffer.from('502a4d180500000068656c6c6f', 'hex');

describe('zstd', () => {
  test('however few bytes stand for them, comes out a block at a time', async () => {
    const inflated = await inflate(zstdBomb(10, 64), 64 * 1024);
    expect(inflated.map(({ length }) => length)).toEqual(Array(64).fill(128 * 1024));
    expect(Buffer.concat(inflated).every((byte) => byte === 10)).toBe(true);
  });

  test('is the same however it is cut, frames behind each other and skipped ones included', async () => {
    const body = Buffer.concat([
      zstdFrame(Buffer.from('first\n')),
      SKIPPED,
      zstdFrame(Buffer.from('second, and a little longer\n')),
      zstdBomb(120, 1),
    ]);
    for (const size of [1, 2, 7, 18, 1000]) {
      const text = Buffer.concat(await inflate(body, size)).toString();
      expect(text).toBe(`first\nsecond, and a little longer\n${'x'.repeat(128 * 1024)}`);
    }
  });

  test('says how much memory its window takes before there is one', async () => {
    const windows: number[] = [];
    const two = Buffer.concat([zstdBomb(10, 1), zstdFrame(Buffer.from('x'.repeat(300)))]);
    await inflate(two, 5, (bytes) => windows.push(bytes));
    expect(windows).toEqual([128 * 1024, 300]);
    const refuse = (bytes: number) => {
      throw new Error(`${bytes} bytes are too many`);
    };
    await expect(inflate(zstdBomb(10, 1, 17 << 3), 1000, refuse)).rejects.toThrow(
      '134217728 bytes are too many',
    );
  });

  test('that is cut off, or has a block longer than a block may be, is refused', async () => {
    const body = zstdBomb(10, 3);
    for (const end of [3, 5, 8, 11, body.length - 1])
      await expect(inflate(body.subarray(0, end), 4)).rejects.toThrow();
    body.writeUIntLE((200_000 << 3) | 2, 6, 3);
    await expect(inflate(body, 1000)).rejects.toThrow('a block of zstd has 200000 bytes');
  });
});
