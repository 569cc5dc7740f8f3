import type { PutEntry, PutOutcome } from '../../../ingest/puts.ts';
import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import type { Output } from '../../../wire/aws-api/codec.ts';
import { type Blob, blobLength } from '../../../wire/blob.ts';
import { type AwsCall, findStream, invalid } from '../aws-call.ts';
import { refusalText } from '../kinesis/put.ts';
import type { WireStream } from '../wire-streams.ts';
import { getDelivery } from './delivery-stream.ts';
import type { Input } from './input.ts';

const BATCH_BYTES_MAX = 4 * 1024 * 1024;

export async function putRecord(call: AwsCall, input: Input<'PutRecord'>): Promise<Output> {
  const stream = await streamOf(call, input.DeliveryStreamName);
  const [outcome] = await stream.put([entryOf(input.Record)], call.producer);
  if (!outcome || 'refusal' in outcome) throw invalid(refusalText(outcome));
  return { RecordId: recordId(outcome), Encrypted: false };
}

export async function putRecordBatch(
  call: AwsCall,
  input: Input<'PutRecordBatch'>,
): Promise<Output> {
  const stream = await streamOf(call, input.DeliveryStreamName);
  const bytes = input.Records.reduce((sum, { Data }) => sum + blobLength(Data), 0);
  if (bytes > BATCH_BYTES_MAX) throw invalid('Records size exceeds 4 MB limit');
  const outcomes = await stream.put(input.Records.map(entryOf), call.producer);
  return {
    FailedPutCount: outcomes.filter((outcome) => 'refusal' in outcome).length,
    Encrypted: false,
    RequestResponses: outcomes.map((outcome) =>
      'refusal' in outcome
        ? { ErrorCode: 'InvalidArgumentException', ErrorMessage: refusalText(outcome) }
        : { RecordId: recordId(outcome) },
    ),
  };
}

/** Its own key says where a record goes. */
const entryOf = ({ Data }: { readonly Data: Blob }): PutEntry => ({
  data: Data,
  partitionKey: undefined,
  hashKey: undefined,
});

/** Where the record is: its shard and its sequence number. */
const recordId = (outcome: Exclude<PutOutcome, { refusal: unknown }>): string =>
  `${outcome.shard}-${outcome.sequence}`;

async function streamOf(call: AwsCall, name: string): Promise<WireStream> {
  const { attributes } = await getDelivery(call, name);
  if (attributes.type !== 'DirectPut')
    throw new AwsError(
      'InvalidSourceException',
      `Delivery stream ${name} is fed by a Kinesis stream: put records into that.`,
    );
  return findStream(call, { StreamName: name });
}
