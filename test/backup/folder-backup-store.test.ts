import { describe, expect, test } from 'vitest';
import type { BackupManifest } from '../../src/backup/backup-store.ts';
import { FolderBackupStore } from '../../src/backup/embedded/folder-backup-store.ts';
import type { Clock } from '../../src/core/clock.ts';
import { type Fault, FaultFileSystem } from '../support/fault-file-system.ts';

const FACTS = {
  millrace: '0',
  startedMs: 0,
  endedMs: 1,
  folder: '/data',
  logs: [],
  tables: [],
  notices: [],
  outside: [],
};
const nothing = () => {};

function diskWith(texts: { readonly [path: string]: string }) {
  const files = new FaultFileSystem(1);
  let now = Date.UTC(2026, 0, 1);
  const clock: Clock = {
    now: () => {
      now += 1000;
      return now;
    },
    after: () => () => {},
  };
  const store = new FolderBackupStore('/backups', { files, clock });
  const write = async (path: string, text: string) => files.replaceFile(path, text);
  const ready = Promise.all(Object.entries(texts).map(([path, text]) => write(path, text)));
  return { files, store, write, ready };
}

/** A backup of these files of `/data`. */
async function backUp(store: FolderBackupStore, names: readonly string[]): Promise<BackupManifest> {
  const writer = await store.begin();
  for (const name of names) await writer.add(name, { file: `/data/${name}` }, nothing);
  const manifest = writer.manifest(FACTS);
  await writer.end(manifest);
  return manifest;
}

async function textOf(store: FolderBackupStore, manifest: BackupManifest, path: string) {
  const file = manifest.files.find((one) => one.path === path);
  const pieces: Buffer[] = [];
  if (file) for await (const piece of store.read(file)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('FolderBackupStore keeps the contract of BackupStore', () => {
  test('B1: whatever call of it fails or loses power, what is listed then is whole', async () => {
    const first = diskWith({ '/data/a': 'one', '/data/b': 'two' });
    await first.ready;
    await backUp(first.store, ['a', 'b']);
    let isPlayed = true;
    let cutOff = 0;
    for (let call = 1; isPlayed; call++)
      for (const kind of ['error', 'full', 'cut', 'drop'] as const) {
        const files = first.files.copy(call);
        const store = new FolderBackupStore('/backups', {
          files,
          clock: { now: () => Date.UTC(2026, 1, 1), after: () => () => {} },
        });
        await files.replaceFile('/data/b', 'three');
        await files.replaceFile('/data/c', 'four');
        files.plan({ call, kind } satisfies Fault);
        const isDone = await backUp(store, ['a', 'b', 'c']).then(
          () => true,
          () => false,
        );
        isPlayed = files.calls >= call;
        files.restart();
        const listed = await store.list();
        if (isDone) expect(listed, `${kind} of call ${call}`).toHaveLength(2);
        else cutOff += 1;
        for (const manifest of listed)
          for (const { path } of manifest.files) {
            const isOld = manifest.files.length === 2;
            const texts: Record<string, string> = {
              a: 'one',
              b: isOld ? 'two' : 'three',
              c: 'four',
            };
            expect(await textOf(store, manifest, path), `${kind} of call ${call}`).toBe(
              texts[path],
            );
          }
      }
    expect(cutOff).toBeGreaterThan(30);
  });

  test('B1: until it is ended it is not listed', async () => {
    const { store, ready } = diskWith({ '/data/a': 'one' });
    await ready;
    const writer = await store.begin();
    await writer.add('a', { file: '/data/a' }, nothing);
    expect(await store.list()).toEqual([]);
    await writer.end(writer.manifest(FACTS));
    expect((await store.list()).map(({ id }) => id)).toEqual([writer.id]);
  });

  test('B2: what has not changed is not read again; what has, is, also where it is as long as before', async () => {
    const { store, write, ready } = diskWith({ '/data/a': 'one', '/data/b': 'two' });
    await ready;
    await backUp(store, ['a', 'b']);
    await write('/data/b', 'TWO');
    const writer = await store.begin();
    const read: string[] = [];
    for (const name of ['a', 'b'])
      await writer.add(name, { file: `/data/${name}` }, () => read.push(name));
    expect(read).toEqual(['b']);
    expect(writer.copied).toEqual({ files: 1, bytes: 3 });
    const manifest = writer.manifest(FACTS);
    await writer.end(manifest);
    expect(await textOf(store, manifest, 'a')).toBe('one');
    expect(await textOf(store, manifest, 'b')).toBe('TWO');
  });

  test('B2: of a file that grows, the bytes that were asked for, and no stamp', async () => {
    const { store, ready } = diskWith({ '/data/a': 'one and more' });
    await ready;
    const writer = await store.begin();
    await writer.add('a', { file: '/data/a', bytes: 3 }, nothing);
    await expect(writer.add('b', { file: '/data/a', bytes: 99 }, nothing)).rejects.toMatchObject({
      code: 'MR_BACKUP_FAILED',
    });
    const manifest = writer.manifest(FACTS);
    expect(manifest.files).toEqual([{ path: 'a', bytes: 3, sha256: expect.any(String) }]);
    expect(await writer.add('c', { file: '/data/c' }, nothing), 'one that is not there').toBe(
      false,
    );
  });

  test('B3: what broke off is gone after the next one', async () => {
    const { files, store, write, ready } = diskWith({ '/data/a': 'one', '/data/b': 'two' });
    await ready;
    const broken = await store.begin();
    await broken.add('a', { file: '/data/a' }, nothing);
    await write(broken.place(), 'half');
    await write('/data/a', 'changed');
    await backUp(store, ['a']);
    expect(files.paths.filter((path) => path.startsWith('/backups/files/'))).toHaveLength(1);
    expect(files.paths.filter((path) => path.endsWith('.tmp'))).toEqual([]);
  });

  test('B4: one flipped bit, in a content or in the list of them, is named', async () => {
    const { files, store, ready } = diskWith({ '/data/a': 'one' });
    await ready;
    const manifest = await backUp(store, ['a']);
    const content = `/backups/files/${manifest.files[0]?.sha256}`;
    files.flipBit(content, 1);
    await expect(textOf(store, manifest, 'a')).rejects.toMatchObject({
      code: 'MR_BACKUP_DAMAGED',
      message: expect.stringContaining(content),
    });
    await files.remove(content);
    await expect(textOf(store, manifest, 'a')).rejects.toThrow(/is missing/);
    files.flipBit(`/backups/${manifest.id}/manifest.json`, 40);
    await expect(store.list()).rejects.toMatchObject({ code: 'MR_BACKUP_DAMAGED' });
  });

  test('B4: a path that leads out of the folder is refused', async () => {
    const { store, ready } = diskWith({ '/data/a': 'one' });
    await ready;
    const writer = await store.begin();
    await writer.add('x/../../a', { file: '/data/a' }, nothing);
    await expect(writer.end(writer.manifest(FACTS))).rejects.toMatchObject({
      code: 'MR_BACKUP_DAMAGED',
    });
  });

  test('B5: the oldest go, and what the others have stays', async () => {
    const { files, store, write, ready } = diskWith({ '/data/a': 'one', '/data/b': 'two' });
    await ready;
    const first = await backUp(store, ['a', 'b']);
    await write('/data/b', 'three');
    const second = await backUp(store, ['a', 'b']);
    expect(await store.keep(2)).toEqual([]);
    expect(await store.keep(1)).toEqual([first.id]);
    expect((await store.list()).map(({ id }) => id)).toEqual([second.id]);
    expect(await textOf(store, second, 'a')).toBe('one');
    expect(await textOf(store, second, 'b')).toBe('three');
    expect(files.paths.filter((path) => path.startsWith('/backups/files/'))).toHaveLength(2);
    await expect(store.find(first.id)).rejects.toMatchObject({ code: 'MR_BACKUP_UNKNOWN' });
  });

  test('B6: in the order they were begun, also within a millisecond and when the clock goes back', async () => {
    const files = new FaultFileSystem(1);
    const started = Date.UTC(2026, 0, 1);
    const times = [0, 0, 0, 0, 0, 0, 1, 1, -5000, 900];
    const clock: Clock = { now: () => started + (times.shift() ?? 0), after: () => () => {} };
    const store = new FolderBackupStore('/backups', { files, clock });
    const begun: string[] = [];
    while (times.length > 0) begun.push((await backUp(store, [])).id);
    expect((await store.list()).map(({ id }) => id)).toEqual(begun);
    expect(await store.keep(1)).toEqual(begun.slice(0, -1));
    expect((await store.find(undefined)).id).toBe(begun.at(-1));
  });

  test('B6: behind one of the same second whose id has no milliseconds', async () => {
    const { files, store } = diskWith({});
    const old = '20260101T000001Z-ffff';
    const writer = await store.begin();
    const manifest = { ...writer.manifest(FACTS), id: old };
    await writer.end(manifest);
    const next = await new FolderBackupStore('/backups', {
      files,
      clock: { now: () => Date.UTC(2026, 0, 1, 0, 0, 1, 100), after: () => () => {} },
    }).begin();
    await next.end(next.manifest(FACTS));
    expect((await store.list()).map(({ id }) => id)).toEqual([old, next.id]);
  });
});
