import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { FileSystem } from '../../src/core/file-system.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { FolderRawZone } from '../../src/stream/embedded/folder-raw-zone.ts';
import { describeRawZone, type RawZoneUnderTest } from '../conformance/raw-zone.ts';
import { FaultFileSystem } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';

describeRawZone('A folder of the disk', () => {
  const folder = temporaryFolder();
  const files = nodeFileSystem();
  writeFileSync(`${folder}/file`, 'no folder');
  const under = (): RawZoneUnderTest => ({
    zone: new FolderRawZone({ files, folder: `${folder}/zone` }),
    unreachable: new FolderRawZone({ files, folder: `${folder}/file/zone` }),
    files,
    folder: `${folder}/local`,
    reopen: under,
  });
  return under();
});

describeRawZone('A folder of a disk that loses what was not synced', () => {
  const files = new FaultFileSystem(1);
  const broken = new FaultFileSystem(1);
  broken.cutPower();
  const under = (): RawZoneUnderTest => ({
    zone: new FolderRawZone({ files, folder: '/zone' }),
    unreachable: new FolderRawZone({ files: broken, folder: '/zone' }),
    files,
    folder: '/local',
    reopen: () => {
      files.cutPower();
      files.restart();
      return under();
    },
  });
  return under();
});

test('an object is read while another is on its way', async () => {
  const folder = temporaryFolder();
  const files = nodeFileSystem();
  let arrive = () => {};
  const isThere = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const slow: FileSystem = {
    ...files,
    open: async (path, mode) => {
      if (path === `${folder}/slow`) await isThere;
      return files.open(path, mode);
    },
  };
  const zone = new FolderRawZone({ files: slow, folder: `${folder}/zone` });
  for (const name of ['in', 'slow']) writeFileSync(`${folder}/${name}`, name);
  await zone.put('a', `${folder}/in`);
  const putting = zone.put('b', `${folder}/slow`);
  expect(await zone.get('a', `${folder}/out`)).toBe(true);
  arrive();
  await putting;
});

const BYTES = Buffer.alloc(2 * 1024 * 1024 + 5, 'raw');

async function onFaultyDisk() {
  const files = new FaultFileSystem(7);
  await files.replaceFile('/local/in', BYTES);
  return { files, zone: new FolderRawZone({ files, folder: '/zone' }) };
}

/** How many calls an action makes where nothing fails. */
async function callsOf(files: FaultFileSystem, action: () => Promise<unknown>): Promise<number> {
  files.plan(undefined);
  await action();
  return files.calls;
}

describe('A disk that fails', () => {
  test('no call of a put that fails leaves a part of an object, and the next put does it', async () => {
    const clean = await onFaultyDisk();
    const calls = await callsOf(clean.files, () => clean.zone.put('a/b', '/local/in'));
    expect(calls).toBeGreaterThan(10);
    for (const kind of ['error', 'full', 'short', 'cut', 'drop'] as const)
      for (let call = 1; call <= calls; call++) {
        const { files, zone } = await onFaultyDisk();
        files.plan({ call, kind });
        await expect(zone.put('a/b', '/local/in'), `${kind} at ${call}`).rejects.toMatchObject({
          code: 'MR_RAW_UNAVAILABLE',
        });
        if (kind === 'cut' || kind === 'drop') files.restart();
        files.plan(undefined);
        if (files.paths.includes('/zone/a/b'))
          expect(BYTES.equals(await files.readFile('/zone/a/b')), `${kind} at ${call}`).toBe(true);
        await zone.put('a/b', '/local/in');
        files.cutPower();
        files.restart();
        expect(BYTES.equals(await files.readFile('/zone/a/b'))).toBe(true);
        expect(files.paths).not.toContain('/zone/a/b~');
      }
  });

  test('what a try that a power cut ended has left is written over', async () => {
    const { files, zone } = await onFaultyDisk();
    await files.replaceFile('/zone/a/b~', Buffer.alloc(BYTES.length + 1));
    await zone.put('a/b', '/local/in');
    expect(BYTES.equals(await files.readFile('/zone/a/b'))).toBe(true);
  });

  test('no call of a get that fails leaves a file', async () => {
    const clean = await onFaultyDisk();
    await clean.zone.put('a/b', '/local/in');
    const calls = await callsOf(clean.files, () => clean.zone.get('a/b', '/local/out'));
    for (let call = 1; call <= calls; call++) {
      const { files, zone } = await onFaultyDisk();
      await zone.put('a/b', '/local/in');
      files.plan({ call, kind: 'full' });
      await expect(zone.get('a/b', '/local/out')).rejects.toMatchObject({
        code: 'MR_RAW_UNAVAILABLE',
      });
      expect(files.paths).toEqual(['/local/in', '/zone/a/b']);
    }
  });
});
