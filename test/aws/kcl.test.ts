import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type RunningProgram, runJava, startJava } from './java.ts';
import { call } from './kinesis-call.ts';
import type { Acknowledged, ReadRecord } from './payloads.ts';
import { keyOf, numberOf } from './payloads.ts';
import { type Server, startDynamodbLocal } from './servers.ts';
import {
  active,
  byKey,
  createStream,
  expectAscending,
  expectRead,
  numbers,
  type Shard,
  shardFor,
  shardsOf,
  sorted,
  startSubject,
} from './subjects.ts';

const KEYS = 30;
const FORM = 'bytes';
/** KCL waits for tables, an index and its leader before the first record. */
const START_MS_MAX = 180_000;
/** A lease is another's once it was not renewed for as long as KclWorker says. */
const TAKEOVER_MS_MAX = 120_000;
/** KclWorker checkpoints so often. */
const CHECKPOINT_RECORDS = 50;
const TEST_MS_MAX = 420_000;

let dynamodb: Server;
beforeAll(async () => {
  dynamodb = await startDynamodbLocal();
});
afterAll(() => dynamodb.stop());

interface Application {
  readonly endpoint: string;
  readonly stream: string;
  readonly application: string;
  readonly retrieval: 'polling' | 'fan-out';
  /** Of all shards, how many one worker takes. */
  readonly leasesMax: number;
}

function startWorker(worker: string, application: Application): RunningProgram {
  return startJava('KclWorker', { ...application, worker, dynamodb: dynamodb.url });
}

const shardsOfWorker = ({ lines }: RunningProgram): (string | number | boolean | null)[] =>
  lines.filter(({ event }) => event === 'initialized').map(({ shardId = null }) => shardId);

const processed = ({ lines }: RunningProgram): ReadRecord[] =>
  lines.filter(({ event }) => event === 'record') as unknown as ReadRecord[];

const put = (endpoint: string, stream: string, from: number, records: number) =>
  runJava<Acknowledged>('Producer', {
    ...{ endpoint, stream, form: FORM, client: 'async', call: 'PutRecords' },
    ...{ from, records, keys: KEYS },
  });

async function haveShards(workers: readonly RunningProgram[], count: number): Promise<void> {
  await eventually(() => {
    expectRunning(workers);
    return workers.flatMap(shardsOfWorker).length >= count ? true : undefined;
  }, START_MS_MAX);
}

function expectRunning(workers: readonly RunningProgram[]): void {
  for (const worker of workers)
    if (worker.process.exitCode !== null) throw new Error(`a worker ended:\n${worker.errors()}`);
}

for (const retrieval of ['polling', 'fan-out'] as const)
  test(
    `a KCL worker by ${retrieval} processes every record once and in order, parents before the children of a split`,
    async () => {
      const { url: endpoint } = await startSubject();
      const stream = 'made';
      await createStream(endpoint, stream, 3);
      const before = await put(endpoint, stream, 0, 900);
      const application = { endpoint, stream, application: `split-${retrieval}`, retrieval };
      const worker = startWorker('one', { ...application, leasesMax: 10 });
      await haveShards([worker], 3);
      const parent = shardFor(await shardsOf(endpoint, stream), keyOf(0, KEYS));
      await split(endpoint, stream, parent);
      const after = await put(endpoint, stream, 900, 600);
      const acknowledged = [...before, ...after];
      await eventually(
        () => (processed(worker).length >= acknowledged.length ? true : undefined),
        TAKEOVER_MS_MAX,
      );
      expectRead(processed(worker), acknowledged, { form: FORM, records: 1500, keys: KEYS });
      const ended = await eventually(
        () => positionOf(worker, 'shardEnded', parent),
        TAKEOVER_MS_MAX,
      );
      const children = (await shardsOf(endpoint, stream)).filter(
        ({ ParentShardId }) => ParentShardId === parent,
      );
      expect(children).toHaveLength(2);
      for (const { ShardId } of children)
        expect(positionOf(worker, 'initialized', ShardId)).toBeGreaterThan(ended);
    },
    TEST_MS_MAX,
  );

test(
  'a KCL worker is killed at work and another takes over: every record is processed, in order from where it was',
  async () => {
    const { url: endpoint } = await startSubject();
    const stream = 'made';
    await createStream(endpoint, stream, 3);
    const application = { endpoint, stream, application: 'killed', retrieval: 'polling' } as const;
    // The first is the leader; two shards are all that one may have.
    const leader = startWorker('leader', { ...application, leasesMax: 2 });
    await haveShards([leader], 2);
    const others = ['second', 'third'].map((name) =>
      startWorker(name, { ...application, leasesMax: 2 }),
    );
    await haveShards([leader, ...others], 3);
    const victim = others.find((worker) => shardsOfWorker(worker).length > 0) as RunningProgram;
    const heir = others.find((worker) => worker !== victim) as RunningProgram;
    const putting = put(endpoint, stream, 0, 3000);
    await eventually(() => (processed(victim).length > 100 ? true : undefined), TAKEOVER_MS_MAX);
    await victim.kill();
    const acknowledged = await putting;
    const workers = [leader, victim, heir];
    const all = () => new Set(workers.flatMap(processed).map(({ data }) => numberOf(FORM, data)));
    await eventually(() => (all().size >= acknowledged.length ? true : undefined), TAKEOVER_MS_MAX);
    expect(sorted([...all()])).toEqual(numbers(3000));
    expect(shardsOfWorker(heir)).toEqual(shardsOfWorker(victim));
    const lost = acknowledged.filter(({ shardId }) => shardsOfWorker(victim).includes(shardId));
    expect(processed(victim).length).toBeLessThan(lost.length);
    const again = workers.flatMap(processed).length - acknowledged.length;
    expect(again).toBeLessThanOrEqual(CHECKPOINT_RECORDS);
    const seen = new Set<number>();
    const inTurn = workers.flatMap(processed).filter(({ data }) => {
      const n = numberOf(FORM, data);
      return !seen.has(n) && seen.add(n);
    });
    for (const own of byKey(inTurn, ({ partitionKey }) => partitionKey))
      expectAscending(own.map(({ data }) => numberOf(FORM, data)));
  },
  TEST_MS_MAX,
);

/** The place in what the worker printed. */
function positionOf(worker: RunningProgram, event: string, shardId: string): number | undefined {
  const at = worker.lines.findIndex(
    (line) => line['event'] === event && line['shardId'] === shardId,
  );
  return at < 0 ? undefined : at;
}

/** In its middle. */
async function split(endpoint: string, StreamName: string, ShardToSplit: string): Promise<void> {
  const shards = await shardsOf(endpoint, StreamName);
  const { HashKeyRange: range } = shards.find((one) => one.ShardId === ShardToSplit) as Shard;
  const middle = (BigInt(range.StartingHashKey) + BigInt(range.EndingHashKey)) / 2n;
  const input = { StreamName, ShardToSplit, NewStartingHashKey: `${middle}` };
  expect(await call(endpoint, 'SplitShard', input)).toMatchObject({ status: 200 });
  await active(endpoint, StreamName);
}
