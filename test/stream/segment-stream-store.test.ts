import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { FileHandle, FileSystem } from '../../src/core/file-system.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { describeStreamStore, type StreamStoreUnderTest } from '../conformance/stream-store.ts';
import { FaultFileSystem } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { storeOn } from '../support/stream.ts';

function playedClock() {
  let now = 1_000_000;
  return {
    clock: { now: () => now, after: () => () => {} },
    setTime: (ms: number) => {
      now = ms;
    },
  };
}

/** The machine's files. What a log leaves open when it crashes ends with its process; here, with the test. */
function filesOfTest(): FileSystem {
  const files = nodeFileSystem();
  const opened: FileHandle[] = [];
  onTestFinished(async () => {
    for (const handle of opened) await handle.close();
  });
  return {
    ...files,
    open: async (path, mode) => {
      const handle = await files.open(path, mode);
      opened.push(handle);
      return handle;
    },
  };
}

describeStreamStore('The segment log on the disk', () => {
  const folder = join(temporaryFolder(), 'streams');
  const { clock, setTime } = playedClock();
  const files = filesOfTest();
  const under = (): StreamStoreUnderTest => ({
    store: storeOn(files, folder, { clock }),
    files,
    reopen: under,
    setTime,
    rawPlace: `${folder}-raw`,
  });
  return under();
});

describeStreamStore('The segment log on a disk that loses power', () => {
  const files = new FaultFileSystem(1);
  const { clock, setTime } = playedClock();
  const under = (): StreamStoreUnderTest => ({
    store: storeOn(files, '/data', { clock }),
    files,
    reopen: () => {
      files.cutPower();
      files.restart();
      return under();
    },
    setTime,
    rawPlace: '/raw',
  });
  return under();
});
