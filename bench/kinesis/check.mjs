import { createReadStream } from 'node:fs';
import { checkCounts } from '../support/check-counts.mjs';
import { countRecords } from './calls.mjs';

/** At the end every record that was acknowledged must be there, once. */

const sent = new Map();

/** The case, what it puts counted for the log of its target. */
export function countPuts(one, { log }) {
  return {
    ...one,
    load: async (request) => {
      const result = await one.load(request);
      sent.set(log, (sent.get(log) ?? 0) + result.accepted);
      return result;
    },
  };
}

/** What the notes of the report say. */
export async function checkLogs({ targets, millrace, barePath }) {
  const notes = [];
  const byLog = new Map(targets.map((target) => [target.log, target]));
  for (const [log, { server, stream, isOurs }] of byLog) {
    const count = sent.get(log);
    if (isOurs && log === 'sales') notes.push(await checkCounts(millrace, count));
    else {
      const stored = log === 'bare' ? await linesOf(barePath) : await countRecords(server, stream);
      const told = [stored, count].map((number) => number.toLocaleString('en')).join(' of ');
      // A peer may lose some, as moto says of itself; that is told, and not what is measured.
      if (stored !== count && (isOurs || log === 'bare')) throw new Error(`${log} has ${told}`);
      notes.push(`check: ${log} gives back ${told} records, each once`);
    }
  }
  return notes;
}

async function linesOf(path) {
  let lines = 0;
  for await (const chunk of createReadStream(path))
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1;
  return lines;
}
