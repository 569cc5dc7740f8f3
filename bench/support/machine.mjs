import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { median, quantile } from './statistics.mjs';

/** How busy the machine and how quick its disk was: without it no figure of a shared machine says much. */

function pressure() {
  try {
    const [some] = readFileSync('/proc/pressure/cpu', 'utf8').split('\n');
    return {
      avg10: Number(/avg10=([\d.]+)/.exec(some)?.[1]),
      totalUs: Number(/total=(\d+)/.exec(some)?.[1]),
    };
  } catch {
    return undefined;
  }
}

const BATCH_BYTES = 115_000;

/** Milliseconds of write + fdatasync of one batch, or of so many bytes. */
export function fdatasyncMs(folder, { size = BATCH_BYTES, count = 100 } = {}) {
  const path = join(folder, 'fdatasync.probe');
  const descriptor = openSync(path, 'w');
  const bytes = Buffer.alloc(size, 'x');
  const times = [];
  for (let round = 0; round < count; round++) {
    const start = performance.now();
    writeSync(descriptor, bytes);
    fdatasyncSync(descriptor);
    times.push(performance.now() - start);
  }
  closeSync(descriptor);
  rmSync(path);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** What probes beside the rounds of a bench had in common. */
export function diskText(probes) {
  const of = (what) => median(probes.map((probe) => probe[what])).toFixed(2);
  return `fdatasync beside each round, medians: p50 ${of('p50')} ms, p99 ${of('p99')} ms`;
}

/** Starts watching; the function it returns ends that and tells. Take both in the minute of the bench. */
export function watchMachine(folder) {
  const before = pressure();
  const disk = fdatasyncMs(folder);
  const start = performance.now();
  return () => {
    const after = pressure();
    const shareOfRun =
      before && after && (after.totalUs - before.totalUs) / ((performance.now() - start) * 1000);
    return {
      cores: cpus().length,
      cpu: cpus()[0]?.model,
      node: process.version,
      cpuPressureBefore: before ? before.avg10 / 100 : null,
      cpuPressureDuring: shareOfRun ?? null,
      fdatasyncMsBefore: disk,
      fdatasyncMsAfter: fdatasyncMs(folder),
    };
  };
}
