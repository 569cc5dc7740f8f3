import { diskText } from '../support/machine.mjs';
import { report } from '../support/report.mjs';
import { median } from '../support/statistics.mjs';
import { byBoto3 } from './boto3.mjs';

/** P3 as a table: each stream of ours against the bare server, the first of them against the peers. */
export function reportKinesis(seen) {
  const { results, disk, rounds, records, request, machine, targets, peers, boto3, checks } = seen;
  const of = (name, what) => median(results[name].map((result) => result[what]));
  const against = (one, other, what) => ({ value: of(one, what), anchor: of(other, what) });
  const own = targets.filter(({ isOurs }) => isOurs).map(({ name }) => name);
  const others = targets.filter(({ isOurs }) => !isOurs);
  const hasBoto3 = boto3?.caseOf !== undefined;
  report({
    name: 'kinesis',
    title: `P3 Kinesis PutRecords: ${request.perRequest} records a request, ${request.inFlight} requests in flight (boto3: one), ${rounds} interleaved rounds of ${records.toLocaleString('en')} records or a share of them, medians`,
    anchor: [
      'bare Node HTTP server: JSON.parse the request, base64, JSON.parse a record, 8 checks, MD5, write and fdatasync',
      ...peers.versions,
      ...(hasBoto3 ? [`boto3 ${boto3.version}`] : []),
    ].join('; '),
    rows: [
      ...own.flatMap((name) => rowsBesideBare(name, against)),
      ...rateRows({ own, others, against, way: (name) => name, bounds: RAW_BOUNDS }),
      ...(hasBoto3 ? boto3Rows({ own, others, against }) : []),
      ...missingRows({ peers, boto3 }),
    ],
    notes: [...Object.keys(results).map((name) => lineOf(name, of)), diskText(disk), ...checks],
    rounds: { results, disk },
    machine,
  });
}

const CPU_BOUNDS = { ship: [['value', '<=', 4]], goal: [['value', '<=', 2.5]] };
const RAW_BOUNDS = {
  kinesalite: { ship: [['ratio', '>=', 10]], goal: [['ratio', '>=', 25]] },
};
const BOTO3_BOUNDS = { kinesalite: { ship: [['ratio', '>=', 2.5]] } };

function rowsBesideBare(name, against) {
  const both = (what) => against(name, 'bare', what);
  return [
    {
      measure: `${name}: server CPU per record`,
      unit: 'µs',
      ...both('cpuUsPerRecord'),
      ...CPU_BOUNDS,
    },
    { measure: `${name}: records per second`, ...both('perSecond') },
    { measure: `${name}: answer p50`, unit: 'ms', ...both('p50Ms') },
    { measure: `${name}: answer p99`, unit: 'ms', ...both('p99Ms') },
  ];
}

/** The first stream of ours against each other server, asked in the same way. */
function rateRows({ own: [first], others, against, way, bounds }) {
  return others
    .filter(({ name }) => way(name) !== 'bare')
    .flatMap(({ name, durable }) => [
      {
        measure: `records per second: ${way(name)}${durable ? '' : ' (not durable)'}`,
        ...against(way(first), way(name), 'perSecond'),
        ...bounds[name],
      },
      {
        measure: `CPU µs per record: ${way(name)}`,
        ...against(way(first), way(name), 'cpuUsPerRecord'),
      },
    ]);
}

function boto3Rows({ own, others, against }) {
  const client = own.map((name) => ({
    measure: `${byBoto3(name)}: CPU of boto3 per record`,
    unit: 'µs',
    ...against(byBoto3(name), byBoto3('bare'), 'clientCpuUsPerRecord'),
  }));
  return [...rateRows({ own, others, against, way: byBoto3, bounds: BOTO3_BOUNDS }), ...client];
}

function missingRows({ peers, boto3 }) {
  const missing = [...peers.missing];
  if (boto3?.reason) missing.push({ name: 'by boto3', reason: boto3.reason });
  return missing.map(({ name, reason }) => ({ measure: name, verdict: `not had: ${reason}` }));
}

function lineOf(name, of) {
  return (
    `${name}: CPU ${of(name, 'cpuUsPerRecord').toFixed(2)} µs a record, ${Math.round(of(name, 'perSecond')).toLocaleString('en')}/s, ` +
    `answer p50 ${of(name, 'p50Ms').toFixed(2)} ms, p99 ${of(name, 'p99Ms').toFixed(2)} ms; ` +
    `its client ${of(name, 'clientCpuUsPerRecord').toFixed(2)} µs a record`
  );
}
