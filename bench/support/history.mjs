import { createHash } from 'node:crypto';
import { constants, cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CACHE } from './folders.mjs';
import { progress } from './report.mjs';
import { historyBody, SALES_PIPELINE } from './sales.mjs';
import { startMillrace } from './server.mjs';

/**
 * A data folder with a history of so many records, delivered: made once, kept in the cache, and copied to
 * where it is used, as live records are added there.
 */
const RECORDS_PER_REQUEST = 20_000;
const IN_FLIGHT = 3;

export async function copyOfHistory(folder, total, pipeline = SALES_PIPELINE) {
  const version = createHash('sha256')
    .update(pipeline + historyBody(0, 100, total))
    .digest('hex')
    .slice(0, 8);
  const kept = join(CACHE, 'history', `${total}-${version}`);
  if (!existsSync(kept)) await make(kept, total, pipeline);
  mkdirSync(folder, { recursive: true });
  cpSync(join(kept, 'data'), join(folder, 'data'), {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
  });
}

async function make(kept, total, pipeline) {
  progress(`making a history of ${total.toLocaleString('en')} records, once …`);
  const folder = `${kept}.part`;
  rmSync(folder, { recursive: true, force: true });
  const server = await startMillrace(folder, pipeline);
  const millrace = await server.withProducerKey();
  const start = performance.now();
  let next = 0;
  const send = async () => {
    while (next < total) {
      const first = next;
      next = Math.min(total, first + RECORDS_PER_REQUEST);
      const body = historyBody(first, next, total);
      const response = await fetch(millrace.records, {
        method: 'POST',
        headers: { ...millrace.headers, 'content-type': 'application/x-ndjson' },
        body,
      });
      if (!response.ok) throw new Error(`history: ${response.status} ${await response.text()}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, send));
  progress(
    `sent in ${((performance.now() - start) / 1000).toFixed(0)} s; waiting for its delivery …`,
  );
  for (;;) {
    const [[waiting, records]] = await millrace.sql(
      "SELECT undelivered + (SELECT coalesce(max(lag), 0) FROM sys.consumers), records FROM sys.streams WHERE name = 'sales'",
    );
    if (Number(records) !== total) throw new Error(`${records} records are stored, not ${total}`);
    if (Number(waiting) === 0) break;
    await sleep(500);
  }
  await server.stop();
  renameSync(folder, kept);
  progress(`made in ${((performance.now() - start) / 1000).toFixed(0)} s`);
}
