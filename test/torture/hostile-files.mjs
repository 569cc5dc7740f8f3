// Preloaded into a server (`node --import`): its disk, as MILLRACE_TORTURE says. Only files of the log are touched.
//   no-sync      nothing is synced; writes stay in the page cache
//   late         writes are answered at once and done 300 ms later
//   fail:<n>     the n-th write fails with EIO
//   short:<n>    the n-th write takes half of its bytes, as on a full disk
//   clock:<file> the clock is off by the milliseconds in the file
import { readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const [kind, argument] = (process.env.MILLRACE_TORTURE ?? '').split(/:(.*)/s);
const LATE_MS = 300;
const CLOCK_LOOK_MS = 20;
const isLogFile = (path) => /\.(ndjson|idx|meta)$/.test(String(path));

function ofLog(change) {
  const { open } = fs;
  fs.open = async (path, flags, mode) => {
    if (!isLogFile(path) || typeof flags === 'string') return open(path, flags, mode);
    return change(open, path, flags, mode);
  };
  syncBuiltinESMExports();
}

/** O_DIRECT wants memory that starts at a page. */
function alignedCopy(bytes) {
  const pages = Math.ceil(bytes.length / 65536);
  const copy = new Uint8Array(new WebAssembly.Memory({ initial: pages }).buffer, 0, bytes.length);
  copy.set(bytes);
  return copy;
}

const HOSTILE = {
  'no-sync': () => {
    const { O_DIRECT, O_DSYNC } = fs.constants;
    ofLog(async (open, path, flags, mode) => {
      const handle = await open(path, flags & ~(O_DIRECT | O_DSYNC), mode);
      handle.datasync = async () => {};
      handle.sync = async () => {};
      return handle;
    });
  },
  late: () =>
    ofLog(async (open, path, flags, mode) => {
      const handle = await open(path, flags, mode);
      const write = handle.write.bind(handle);
      handle.write = async (bytes, offset, length, position) => {
        const copy = alignedCopy(bytes.subarray(offset, offset + length));
        setTimeout(() => write(copy, 0, length, position), LATE_MS);
        return { bytesWritten: length, buffer: bytes };
      };
      return handle;
    }),
  fail: () =>
    nthWrite(() => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))),
  short: () =>
    nthWrite(async (write, bytes, offset, length, position) => {
      const half = Math.floor(length / 1024) * 512;
      if (half > 0) await write(bytes, offset, half, position);
      return { bytesWritten: half, buffer: bytes };
    }),
  clock: () => {
    const now = Date.now.bind(Date);
    let offset = 0;
    Date.now = () => now() + offset;
    setInterval(() => {
      offset = Number(readFileSync(argument, 'utf8')) || 0;
    }, CLOCK_LOOK_MS).unref();
  },
};

function nthWrite(instead) {
  let left = Number(argument);
  ofLog(async (open, path, flags, mode) => {
    const handle = await open(path, flags, mode);
    const write = handle.write.bind(handle);
    handle.write = (...args) => {
      left -= 1;
      return left === 0 ? instead(write, ...args) : write(...args);
    };
    return handle;
  });
}

if (isMainThread && kind) HOSTILE[kind]();
