import type { PutEntry, PutOutcome } from '../../../ingest/puts.ts';
import { HASH_KEYS } from '../../../stream/shard-map.ts';
import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import { type Output, WrittenOutput } from '../../../wire/aws-api/codec.ts';
import { type Blob, blobLength } from '../../../wire/blob.ts';
import { type AwsCall, findStream, invalid, refuseDryRun } from '../aws-call.ts';
import type { WireStream } from '../wire-streams.ts';
import type { Input } from './input.ts';
import { shardIdText } from './shard-id.ts';

interface PutInput {
  readonly Data: Blob;
  readonly PartitionKey?: string;
  readonly ExplicitHashKey?: string;
}

const REQUEST_BYTES_MAX = 10 * 1024 * 1024;

export async function putRecord(call: AwsCall, input: Input<'PutRecord'>): Promise<Output> {
  const stream = await findStream(call, input);
  const entry = entryOf(input, stream, '');
  refuseDryRun(input.DryRun);
  const [outcome] = await stream.put([entry], call.producer);
  if (!outcome || 'refusal' in outcome) throw invalid(refusalText(outcome));
  return {
    ShardId: shardIdText(outcome.shard),
    SequenceNumber: String(outcome.sequence),
    EncryptionType: 'NONE',
  };
}

export async function putRecords(call: AwsCall, input: Input<'PutRecords'>): Promise<Output> {
  const stream = await findStream(call, input);
  let bytes = 0;
  const entries = input.Records.map((record, index) => {
    bytes += blobLength(record.Data) + Buffer.byteLength(record.PartitionKey ?? '');
    return entryOf(record, stream, `records.${index + 1}.member.`);
  });
  if (bytes > REQUEST_BYTES_MAX) throw invalid('Records size exceeds 10 MiB limit');
  refuseDryRun(input.DryRun);
  const outcomes = await stream.put(entries, call.producer);
  return new WrittenOutput(putRecordsJson(outcomes), () => putRecordsOutput(outcomes));
}

const failedCount = (outcomes: readonly PutOutcome[]): number =>
  outcomes.filter((outcome) => 'refusal' in outcome).length;

function putRecordsOutput(outcomes: readonly PutOutcome[]): Output {
  return {
    FailedRecordCount: failedCount(outcomes),
    Records: outcomes.map(outcomeOutput),
    EncryptionType: 'NONE',
  };
}

function outcomeOutput(outcome: PutOutcome): Output {
  return 'refusal' in outcome
    ? { ErrorCode: 'InvalidArgumentException', ErrorMessage: refusalText(outcome) }
    : { SequenceNumber: String(outcome.sequence), ShardId: shardIdText(outcome.shard) };
}

function putRecordsJson(outcomes: readonly PutOutcome[]): string {
  let records = '';
  for (const outcome of outcomes) {
    if (records !== '') records += ',';
    records +=
      'refusal' in outcome
        ? JSON.stringify(outcomeOutput(outcome))
        : `{"SequenceNumber":"${outcome.sequence}","ShardId":"${shardIdText(outcome.shard)}"}`;
  }
  return `{"FailedRecordCount":${failedCount(outcomes)},"Records":[${records}],"EncryptionType":"NONE"}`;
}

/** @throws AwsError ValidationException, InvalidArgumentException */
function entryOf(
  { Data, PartitionKey, ExplicitHashKey }: PutInput,
  { attributes }: WireStream,
  path: string,
): PutEntry {
  if (PartitionKey === undefined)
    throw validation(`Value null at '${path}partitionKey'`, 'Member must not be null');
  const bytesMax = attributes.maxRecordKiB * 1024;
  if (blobLength(Data) > bytesMax)
    throw validation(
      `Value at '${path}data'`,
      `Member must have length less than or equal to ${bytesMax}`,
    );
  const hashKey = ExplicitHashKey === undefined ? undefined : BigInt(ExplicitHashKey);
  if (hashKey !== undefined && hashKey >= HASH_KEYS)
    throw invalid(
      `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${ExplicitHashKey}`,
    );
  return { data: Data, partitionKey: PartitionKey, hashKey };
}

function validation(value: string, constraint: string): AwsError {
  return new AwsError(
    'ValidationException',
    `1 validation error detected: ${value} failed to satisfy constraint: ${constraint}`,
  );
}

/** `MR_FIELD_TYPE: Field 'quantity' must be …` */
export function refusalText(outcome: PutOutcome | undefined): string {
  if (!outcome || !('refusal' in outcome)) return 'The record was not stored.';
  const { code, message } = outcome.refusal;
  return `${code}: ${message}`;
}
