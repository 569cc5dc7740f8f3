import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { FileCache } from '../../src/lake/aws/file-cache.ts';
import { temporaryFolder } from '../support/folder.ts';

const files = nodeFileSystem();
let nowMs = 0;
let waiting: (() => void)[] = [];
const clock = {
  now: () => nowMs,
  after: (_ms: number, action: () => void) => {
    waiting.push(action);
    return () => {};
  },
};
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

function bench(bytesMax: number, folder = temporaryFolder()) {
  const path = (name: string) => join(folder, name);
  let written = 0;
  return {
    folder,
    path,
    written: () => written,
    open: () => FileCache.open({ files, folder, bytesMax, clock }),
    bring: (cache: FileCache, name: string) =>
      cache.bring(path(name), 10, async () => {
        written += 1;
        await files.replaceFile(path(name), name.padEnd(10));
      }),
    names: async () => (await files.list(folder)).map(({ name }) => name),
  };
}

describe('the cache of data files', () => {
  test('lets go of what was not used for longest, once it is full', async () => {
    const { open, bring, names, path } = bench(30);
    const cache = await open();
    for (const name of ['a', 'b', 'c']) await bring(cache, name);
    cache.keep(path('a'), 0);
    await bring(cache, 'd');
    expect(await names()).toEqual(['a', 'c', 'd']);
    expect(cache.bytes).toBe(30);
  });

  test('keeps what is being read, and brings what has no room then once there is some', async () => {
    const { open, bring, names, path } = bench(20);
    const cache = await open();
    for (const name of ['a', 'b']) {
      await bring(cache, name);
      cache.keep(path(name), 1000);
    }
    const pass = async (ms: number) => {
      nowMs += ms;
      const due = waiting;
      waiting = [];
      for (const action of due) action();
      await settle();
    };
    const bringing = bring(cache, 'c');
    await settle();
    await pass(999);
    expect(await names()).toEqual(['a', 'b']);
    await pass(1);
    await bringing;
    expect(await names()).toEqual(['b', 'c']);
    cache.keep(path('b'), 1000);
    cache.keep(path('c'), 1000);
    const late = bring(cache, 'd').catch((error: { code: string }) => error.code);
    await settle();
    cache.close();
    await pass(1);
    expect(await late, 'who stops does not wait').toBe('MR_STOPPING');
  });

  test('has a file brought once where two ask for it', async () => {
    const { open, bring, written } = bench(20);
    const cache = await open();
    await Promise.all([bring(cache, 'a'), bring(cache, 'a')]);
    expect(written()).toBe(1);
  });

  test('has what an earlier process left, but for halves', async () => {
    const first = bench(30);
    await first.bring(await first.open(), 'a');
    await files.replaceFile(first.path('half~'), 'ha');
    const cache = await bench(30, first.folder).open();
    expect([cache.keep(first.path('a'), 0), cache.bytes]).toEqual([true, 10]);
    expect(await first.names()).toEqual(['a']);
  });

  test('takes nothing over that has no room', async () => {
    const { open, folder, names, path } = bench(5);
    const cache = await open();
    await files.replaceFile(join(folder, 'staged'), 'x'.repeat(10));
    await cache.adopt(join(folder, 'staged'), path('a'), 10);
    expect(await names()).toEqual([]);
  });
});
