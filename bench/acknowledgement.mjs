import { fdatasyncMs } from './support/machine.mjs';
import { progress, report } from './support/report.mjs';
import { median } from './support/statistics.mjs';

/** P4: how long the answer to one record on one connection takes, beside the disk of the same seconds. */

const ROUNDS = 5;
const RECORDS = 500;
const REQUEST = { perRequest: 1, inFlight: 1, distinct: 1000, total: RECORDS };
/** As much as a page: the least that a disk is given. */
const DISK = { size: 4096, count: RECORDS };

/** Measures; gives how many records each server got, and what prints the table. */
export async function acknowledgement(cases, { folder, machine }) {
  const disk = [];
  const results = Object.fromEntries(cases.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, load } of cases) {
      if (name === 'millrace') disk.push(fdatasyncMs(folder, DISK));
      results[name].push(await load({ ...REQUEST, seed: round + 1 }));
    }
    const { p50Ms, p99Ms } = results.millrace.at(-1);
    progress(
      `one record, round ${round + 1}: millrace p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms; ` +
        `fdatasync ${disk.at(-1).p50.toFixed(2)}, ${disk.at(-1).p99.toFixed(2)}`,
    );
  }
  const seen = machine();
  return {
    sent: ROUNDS * RECORDS,
    report: () => reportAcknowledgement({ results, disk, machine: seen }),
  };
}

function reportAcknowledgement({ results, disk, machine }) {
  const of = (name, what) => median(results[name].map((result) => result[what]));
  const fdatasync = (what) => median(disk.map((probe) => probe[what]));
  const others = Object.keys(results).filter((name) => name !== 'millrace');
  report({
    name: 'acknowledgement',
    title: `P4 acknowledgement of one record on one connection, ${ROUNDS} interleaved rounds of ${RECORDS}, medians`,
    anchor: 'write and fdatasync of 4 kB from one thread, right before',
    rows: [
      {
        measure: 'answer p50',
        unit: 'ms',
        value: of('millrace', 'p50Ms'),
        anchor: fdatasync('p50'),
        ship: [['ratio', '<=', 3]],
        goal: [['ratio', '<=', 2]],
      },
      {
        measure: 'answer p99',
        unit: 'ms',
        value: of('millrace', 'p99Ms'),
        anchor: fdatasync('p99'),
        ship: [['ratio', '<=', 4]],
        goal: [['ratio', '<=', 3]],
      },
      { measure: 'server CPU', unit: 'µs', value: of('millrace', 'cpuUsPerRecord') },
    ],
    notes: others.map(
      (name) =>
        `${name}: p50 ${of(name, 'p50Ms').toFixed(2)} ms, p99 ${of(name, 'p99Ms').toFixed(2)} ms, CPU ${of(name, 'cpuUsPerRecord').toFixed(0)} µs`,
    ),
    rounds: { results, disk },
    machine,
  });
}
