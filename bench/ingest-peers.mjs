import { diskText } from './support/machine.mjs';
import { report } from './support/report.mjs';
import { median } from './support/statistics.mjs';

/** P2: records per second of wall against peers, and what each of them spends on a record. */
export function reportPeers({ results, disk, rounds, records, machine, peers }) {
  const of = (name, what) => median(results[name].map((result) => result[what]));
  const against = (name, what) => ({ value: of('millrace', what), anchor: of(name, what) });
  const bound = (limit) => (limit === undefined ? {} : [['ratio', '>=', limit]]);
  const durability = ({ durable }) => (durable ? 'durable' : 'not durable');
  report({
    name: 'ingest-peers',
    title: `P2 ingest against peers: 500 records a request, 4 requests in flight, ${rounds} interleaved rounds of ${records.toLocaleString('en')} records or a share of them, medians`,
    anchor: peers.versions.join('; '),
    rows: [
      ...peers.cases.map((one) => ({
        measure: `records per second: ${one.name} (${durability(one)})`,
        ...against(one.name, 'perSecond'),
        ...(one.ship ? { ship: bound(one.ship) } : {}),
        ...(one.goal ? { goal: bound(one.goal) } : {}),
      })),
      ...peers.cases.map(({ name }) => ({
        measure: `CPU µs per record: ${name}`,
        ...against(name, 'cpuUsPerRecord'),
      })),
      ...peers.missing.map(({ name, reason }) => ({
        measure: name,
        verdict: `not had: ${reason}`,
      })),
    ],
    notes: [
      ...['millrace', ...peers.cases.map(({ name }) => name)].map(
        (name) =>
          `${name}: answer p50 ${of(name, 'p50Ms').toFixed(2)} ms, p99 ${of(name, 'p99Ms').toFixed(2)} ms; ` +
          `its client ${of(name, 'clientCpuUsPerRecord').toFixed(2)} µs a record`,
      ),
      diskText(disk),
    ],
    rounds: { results, disk },
    machine,
  });
}
