import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fdatasyncMs } from './machine.mjs';
import { progress } from './report.mjs';

/**
 * Rounds of cases `{ name, share, load }`: all servers are up at once, and a round asks each of them once.
 * `request` is what all are asked; a case's share of the records is what is enough for it.
 */

const run = promisify(execFile);

/** Whole requests of a case's share. */
const shareOf = ({ share }, { records, request: { perRequest } }) =>
  Math.max(1, Math.round((records * share) / perRequest)) * perRequest;

export async function warmUp(cases, size) {
  for (const one of cases) await one.load({ ...size.request, total: shareOf(one, size) });
}

export async function measure(cases, { folder, rounds, ...size }) {
  const results = Object.fromEntries(cases.map(({ name }) => [name, []]));
  const disk = [];
  for (let round = 0; round < rounds; round++) {
    disk.push(fdatasyncMs(folder));
    for (const one of round % 2 === 0 ? cases : cases.toReversed()) {
      // What an earlier case left to the kernel would be written beside this one.
      await run('sync');
      const total = shareOf(one, size);
      const result = await one.load({ ...size.request, total, seed: round + 1 });
      results[one.name].push(result);
      progress(
        `round ${round + 1} ${one.name.padEnd(46)} ${result.cpuUsPerRecord.toFixed(2).padStart(6)} µs/record, ` +
          `${Math.round(result.perSecond / 1000)} k/s, p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`,
      );
    }
  }
  return { results, disk };
}
