import { expect, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { call } from './kinesis-call.ts';
import type { Acknowledged, Form, ReadRecord } from './payloads.ts';
import { dataOf, hashKeyOf, keyOf, numberOf } from './payloads.ts';
import { startKinesisLocal } from './servers.ts';

/** A stream of rows, and nothing else: other streams are made by CreateStream. */
const PIPELINE = `
import { field as f, stream } from 'millrace';
export const steps = stream('steps', {
  fields: { key: f.string(), n: f.int() }, key: 'key', shards: 3, table: { every: '1s' },
});
`;
export const DEFINED = 'steps';

export function startMillrace(): Promise<RunningPipeline> {
  return startPipeline(temporaryFolder(), PIPELINE);
}

/** kinesis-local, for as long as the test, with a stream like millrace's own. */
export async function startOracle(): Promise<{ readonly url: string }> {
  const server = await startKinesisLocal();
  onTestFinished(() => server.stop());
  await createStream(server.url, DEFINED, 3);
  return server;
}

/** What a test's clients talk to: millrace, or the oracle where `AWS_SUBJECT=oracle` asks whether the test itself is right. */
export function startSubject(): Promise<{ readonly url: string }> {
  return process.env['AWS_SUBJECT'] === 'oracle' ? startOracle() : startMillrace();
}

/** CreateStream, and ACTIVE. */
export async function createStream(
  endpoint: string,
  StreamName: string,
  ShardCount: number,
): Promise<void> {
  expect(await call(endpoint, 'CreateStream', { StreamName, ShardCount })).toMatchObject({
    status: 200,
  });
  await active(endpoint, StreamName);
}

export async function active(endpoint: string, StreamName: string): Promise<void> {
  await eventually(async () => {
    const { body } = await call(endpoint, 'DescribeStreamSummary', { StreamName });
    const summary = body['StreamDescriptionSummary'] as { StreamStatus: string } | undefined;
    return summary?.StreamStatus === 'ACTIVE' ? true : undefined;
  });
}

export interface Shard {
  readonly ShardId: string;
  readonly ParentShardId?: string;
  readonly AdjacentParentShardId?: string;
  readonly HashKeyRange: { readonly StartingHashKey: string; readonly EndingHashKey: string };
}

export async function shardsOf(endpoint: string, StreamName: string): Promise<readonly Shard[]> {
  const { body } = await call(endpoint, 'ListShards', { StreamName });
  return body['Shards'] as readonly Shard[];
}

/** The open shard whose hash keys have the MD5 of the key. */
export function shardFor(shards: readonly Shard[], partitionKey: string): string {
  const hash = hashKeyOf(partitionKey);
  const parents = new Set(
    shards.flatMap(({ ParentShardId, AdjacentParentShardId }) => [
      ParentShardId,
      AdjacentParentShardId,
    ]),
  );
  const found = shards.filter(
    ({ ShardId, HashKeyRange: range }) =>
      !parents.has(ShardId) &&
      BigInt(range.StartingHashKey) <= hash &&
      hash <= BigInt(range.EndingHashKey),
  );
  expect(found).toHaveLength(1);
  return (found[0] as Shard).ShardId;
}

export interface Expected {
  readonly form: Form;
  readonly records: number;
  readonly keys: number;
}

/** Every record was acknowledged once, in the shard its key belongs to, under numbers that grow with each key's order. */
export function expectAcknowledged(
  acknowledged: readonly Acknowledged[],
  shards: readonly Shard[],
  { records, keys }: Expected,
): void {
  expect(sorted(acknowledged.map(({ n }) => n))).toEqual(numbers(records));
  for (const { key, n, shardId } of acknowledged) {
    expect(key).toBe(keyOf(n, keys));
    expect(shardId).toBe(shardFor(shards, key));
  }
  const inOrder = [...acknowledged].sort((a, b) => a.n - b.n);
  for (const own of byKey(inOrder, ({ key }) => key))
    expectAscending(own.map(({ sequenceNumber }) => sequenceNumber));
}

/** What was read is what was acknowledged: each record once, its bytes as they were, each key in order. */
export function expectRead(
  read: readonly ReadRecord[],
  acknowledged: readonly Acknowledged[],
  { form, records, keys }: Expected,
): void {
  expect(sorted(read.map(({ data }) => numberOf(form, data)))).toEqual(numbers(records));
  const places = new Map(acknowledged.map((one) => [one.n, one]));
  for (const record of read) {
    const n = numberOf(form, record.data);
    const { key, shardId, sequenceNumber } = places.get(n) as Acknowledged;
    const { data, partitionKey } = record;
    expect(record).toMatchObject({ shardId, sequenceNumber });
    expect(partitionKey).toBe(keyOf(n, keys));
    expectSameData({ form, data, wanted: dataOf(form, key, n) });
    expect(Math.abs(record.arrivedMs - Date.now())).toBeLessThan(10 * 60_000);
  }
  for (const own of byKey(read, ({ partitionKey }) => partitionKey))
    expectAscending(own.map(({ data }) => numberOf(form, data)));
}

/** Rows keep their members, not the bytes between them. */
function expectSameData(one: { form: Form; data: string; wanted: Buffer }): void {
  const bytes = Buffer.from(one.data, 'base64');
  if (one.form === 'json')
    expect(JSON.parse(bytes.toString())).toEqual(JSON.parse(one.wanted.toString()));
  else expect(bytes.equals(one.wanted)).toBe(true);
}

export function byKey<T>(records: readonly T[], keyIn: (record: T) => string): readonly T[][] {
  const groups = new Map<string, T[]>();
  for (const record of records) {
    const key = keyIn(record);
    const group = groups.get(key) ?? [];
    group.push(record);
    groups.set(key, group);
  }
  return [...groups.values()];
}

export function expectAscending(values: readonly (string | number)[]): void {
  const all = values.map((value) => BigInt(value));
  expect(all.filter((value, at) => at > 0 && value <= (all[at - 1] as bigint))).toEqual([]);
}

export const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
export const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
