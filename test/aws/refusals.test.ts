import { expect, test } from 'vitest';
import { runJava } from './java.ts';
import { createStream, startSubject } from './subjects.ts';

const REFUSALS = {
  'DescribeStreamSummary of no stream': 'ResourceNotFoundException',
  'PutRecord to no stream': 'ResourceNotFoundException',
  'GetShardIterator of no shard': 'ResourceNotFoundException',
  'CreateStream of a stream there is': 'ResourceInUseException',
  'GetRecords with an iterator of someone else': 'InvalidArgumentException',
  'SplitShard at its first hash key': 'InvalidArgumentException',
  'PutRecord with a hash key that is none': 'ValidationException',
};

for (const [protocol, jvm] of [
  ['CBOR', []],
  ['JSON', ['-Daws.cborEnabled=false']],
] as const)
  test(`what is refused in ${protocol} is an exception of its own type in Java`, async () => {
    const { url: endpoint } = await startSubject();
    await createStream(endpoint, 'made', 1);
    const lines = await runJava('Refusals', { endpoint, stream: 'made' }, jvm);
    expect(Object.fromEntries(lines.map(({ call, exception }) => [call, exception]))).toEqual(
      REFUSALS,
    );
    for (const line of lines)
      expect(line).toMatchObject({
        ...{ code: line['exception'], status: 400, hasMessage: true, hasRequestId: true },
      });
  });
