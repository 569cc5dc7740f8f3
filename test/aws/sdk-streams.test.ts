import { expect, test } from 'vitest';
import { runJava } from './java.ts';
import type { Acknowledged, Form, ReadRecord } from './payloads.ts';
import {
  createStream,
  DEFINED,
  expectAcknowledged,
  expectRead,
  shardsOf,
  startSubject,
} from './subjects.ts';

/** The sync client speaks HTTP/1.1, the async one HTTP/2 from its first byte; both CBOR, where it is not turned off. */
const JSON_ONLY = ['-Daws.cborEnabled=false'];

interface Way {
  readonly title: string;
  readonly client: 'sync' | 'async';
  readonly call: 'PutRecord' | 'PutRecords';
  readonly jvm?: readonly string[];
}

const WAYS: readonly Way[] = [
  { title: 'one by one over HTTP/1.1', client: 'sync', call: 'PutRecord' },
  { title: 'in batches over HTTP/1.1', client: 'sync', call: 'PutRecords' },
  { title: 'one by one over HTTP/2', client: 'async', call: 'PutRecord' },
  { title: 'in batches over HTTP/2', client: 'async', call: 'PutRecords' },
  { title: 'in batches of JSON', client: 'sync', call: 'PutRecords', jvm: JSON_ONLY },
];
const RECORDS = 1200;
const KEYS = 40;

const SUBJECTS: readonly { title: string; stream: string; form: Form }[] = [
  { title: 'rows to a defined stream', stream: DEFINED, form: 'json' },
  { title: 'bytes to a stream made by CreateStream', stream: 'made', form: 'bytes' },
];

for (const { title, stream, form } of SUBJECTS)
  for (const way of WAYS)
    test(`Java puts ${title} ${way.title}: each is read once, in its key's order, from its key's shard`, async () => {
      const { url } = await startSubject();
      if (stream !== DEFINED) await createStream(url, stream, 3);
      const expected = { form, records: RECORDS, keys: KEYS };
      const { client, call, jvm = [] } = way;
      const put = { endpoint: url, stream, client, call, ...expected };
      const acknowledged = await runJava<Acknowledged>('Producer', put, jvm);
      expectAcknowledged(acknowledged, await shardsOf(url, stream), expected);
      const read = await runJava<ReadRecord>('Reader', { endpoint: url, stream, client }, jvm);
      expectRead(read, acknowledged, expected);
    });

test('control: a record that is missing, twice, or in the wrong order is noticed', () => {
  const expected = { form: 'json', records: 2, keys: 1 } as const;
  const record = (n: number) => ({
    ...{ shardId: 's', sequenceNumber: `${n}`, partitionKey: 'key-0', arrivedMs: Date.now() },
    data: Buffer.from(JSON.stringify({ key: 'key-0', n })).toString('base64'),
  });
  const acknowledged = [0, 1].map((n) => ({
    ...{ key: 'key-0', n, shardId: 's', sequenceNumber: `${n}` },
  }));
  expectRead([record(0), record(1)], acknowledged, expected);
  for (const read of [[record(0)], [record(0), record(1), record(1)], [record(1), record(0)]])
    expect(() => expectRead(read, acknowledged, expected)).toThrow();
});
