import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { pack, unpack } from '../../src/stream/embedded/packed-file.ts';
import { loadCompressor } from '../../src/wire/seekable-zstd.ts';
import { temporaryFolder } from '../support/folder.ts';

const FRAME_BYTES = 512 * 1024;
const files = nodeFileSystem();
const compress = await loadCompressor();

const content = (bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, (_, index) => (index * 7919 + (index >> 9)) % 251));

async function packed(bytes: number) {
  const folder = temporaryFolder();
  const [from, to, back] = ['from', 'to.zst', 'back'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(from, content(bytes));
  await pack(files, from, to, { compress, signal: new AbortController().signal });
  return { to, back };
}

describe('a packed file', () => {
  test.each([0, 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES - 1])(
    'of %i bytes is unpacked to what it was',
    async (bytes) => {
      const { to, back } = await packed(bytes);
      expect(await unpack(files, to, back)).toBe(true);
      expect(readFileSync(back).equals(content(bytes))).toBe(true);
    },
  );

  test('with a damaged frame has all others, at their places', async () => {
    const { to, back } = await packed(3 * FRAME_BYTES);
    const broken = readFileSync(to);
    const middle = Math.floor(broken.length / 2);
    broken.fill(0, middle - 50, middle + 50);
    writeFileSync(to, broken);
    expect(await unpack(files, to, back)).toBe(true);
    const [found, written] = [readFileSync(back), content(3 * FRAME_BYTES)];
    const isSound = (frame: number) =>
      found
        .subarray(frame * FRAME_BYTES, (frame + 1) * FRAME_BYTES)
        .equals(written.subarray(frame * FRAME_BYTES, (frame + 1) * FRAME_BYTES));
    expect([isSound(0), isSound(1), isSound(2)]).toEqual([true, false, true]);
  });

  test.each([0, 8, 9, 100])('that is cut to %i bytes says that it is none', async (bytes) => {
    const { to, back } = await packed(FRAME_BYTES);
    writeFileSync(to, readFileSync(to).subarray(0, bytes));
    expect(await unpack(files, to, back)).toBe(false);
  });

  test('is given up between two frames when that is asked for', async () => {
    const { to } = await packed(2 * FRAME_BYTES);
    const packing = pack(files, to, `${to}.again`, { compress, signal: AbortSignal.abort() });
    await expect(packing).rejects.toMatchObject({ name: 'AbortError' });
  });
});
