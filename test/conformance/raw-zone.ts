import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { FileSystem } from '../../src/core/file-system.ts';
import type { RawZone } from '../../src/stream/raw-zone.ts';

export interface RawZoneUnderTest {
  readonly zone: RawZone;
  /** The same kind of zone, at a place that cannot be reached. */
  readonly unreachable: RawZone;
  /** Where local files are. */
  readonly files: FileSystem;
  readonly folder: string;
  /** What a power cut and a new start leave. */
  reopen(): RawZoneUnderTest;
}

const MEGABYTE = 1024 * 1024;
const NAME = 'shop/orders/00000000000000000000-2026.07.01_a.seg';

/** The contract of RawZone: one test per number. */
export function describeRawZone(name: string, create: () => RawZoneUnderTest): void {
  async function withFile(bytes: Buffer) {
    const under = create();
    const file = `${under.folder}/in`;
    await under.files.makeFolder(under.folder);
    await under.files.replaceFile(file, bytes);
    return { ...under, file };
  }

  async function bytesOf({ zone, files, folder }: RawZoneUnderTest, object = NAME) {
    await zone.get(object, `${folder}/out`);
    return files.readFile(`${folder}/out`);
  }

  describe(`${name} keeps the contract of RawZone`, () => {
    for (const size of [0, 1, MEGABYTE, 3 * MEGABYTE + 17])
      test(`Z1, Z2: an object has all ${size} bytes of the file, also after a power cut`, async () => {
        const bytes = randomBytes(size);
        const { zone, file, reopen } = await withFile(bytes);
        await zone.put(NAME, file);
        expect(bytes.equals(await bytesOf(reopen()))).toBe(true);
      });

    test('Z1: to put an object once more changes nothing, and another file takes its place', async () => {
      const under = await withFile(Buffer.from('first, and longer'));
      await under.zone.put(NAME, under.file);
      await Promise.all([under.zone.put(NAME, under.file), under.zone.put(NAME, under.file)]);
      expect(String(await bytesOf(under))).toBe('first, and longer');
      await under.files.replaceFile(under.file, 'second');
      await under.zone.put(NAME, under.file);
      expect(String(await bytesOf(under.reopen()))).toBe('second');
    });

    test('Z1: a put of a file that is not there fails, and leaves the object of before', async () => {
      const under = await withFile(Buffer.from('first'));
      await under.zone.put(NAME, under.file);
      await expect(under.zone.put(NAME, `${under.folder}/none`)).rejects.toMatchObject({
        code: 'MR_RAW_UNAVAILABLE',
      });
      expect(String(await bytesOf(under))).toBe('first');
    });

    test('Z2: a get of what is not there says so, and leaves no file', async () => {
      const { zone, file, files, folder } = await withFile(Buffer.from('x'));
      await zone.put('shop/some', file);
      expect(await zone.get('shop/none', `${folder}/out`)).toBe(false);
      expect((await files.list(folder)).map((entry) => entry.name)).toEqual(['in']);
    });

    test('Z3: to remove what is there, and what is not, is no error, and nothing else goes', async () => {
      const under = await withFile(Buffer.from('kept'));
      await under.zone.put('shop/a/1', under.file);
      await under.zone.put('shop/a/2', under.file);
      await under.zone.remove('shop/a/1');
      await under.zone.remove('shop/a/1');
      await under.zone.remove('shop/a');
      await under.zone.remove('none/at/all');
      const after = under.reopen();
      expect(await after.zone.get('shop/a/1', `${under.folder}/out`)).toBe(false);
      expect(String(await bytesOf(after, 'shop/a/2'))).toBe('kept');
    });

    test('a place that cannot be reached is told with the reason', async () => {
      const { unreachable, file, folder } = await withFile(Buffer.from('x'));
      for (const action of [
        () => unreachable.put(NAME, file),
        () => unreachable.get(NAME, `${folder}/out`),
      ])
        await expect(action()).rejects.toMatchObject({
          code: 'MR_RAW_UNAVAILABLE',
          message: expect.stringMatching(/^.*: .*(ENOTDIR|EEXIST|ECONNREFUSED|EIO)/),
          cause: expect.any(Error),
        });
    });

    test('names that lead out of the zone are refused', async () => {
      const { zone, file } = await withFile(Buffer.from('x'));
      for (const bad of ['', '/a', 'a/', 'a//b', '..', 'a/../b', './a', 'a~', 'a b', 'a\\b', 'ä'])
        for (const action of [
          () => zone.put(bad, file),
          () => zone.get(bad, file),
          () => zone.remove(bad),
        ])
          await expect(action(), bad).rejects.toMatchObject({ code: 'MR_INTERNAL' });
    });
  });
}
