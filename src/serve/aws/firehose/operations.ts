import type { Output } from '../../../wire/aws-api/codec.ts';
import { FIREHOSE_SHAPES, type FirehoseOperation } from '../../../wire/aws-api/firehose-shapes.ts';
import type { AwsCall } from '../aws-call.ts';
import type { Operation } from '../operation.ts';
import type { Input } from './input.ts';
import {
  createDeliveryStream,
  deleteDeliveryStream,
  describeDeliveryStream,
  listDeliveryStreams,
  listDeliveryTags,
  tagDeliveryStream,
  untagDeliveryStream,
  updateDestination,
} from './manage.ts';
import { putRecord, putRecordBatch } from './put.ts';

type Run<Name extends FirehoseOperation> = (call: AwsCall, input: Input<Name>) => Promise<Output>;

const RUNS: { readonly [Name in FirehoseOperation]: Run<Name> } = {
  CreateDeliveryStream: createDeliveryStream,
  DescribeDeliveryStream: describeDeliveryStream,
  ListDeliveryStreams: listDeliveryStreams,
  PutRecord: putRecord,
  PutRecordBatch: putRecordBatch,
  UpdateDestination: updateDestination,
  DeleteDeliveryStream: deleteDeliveryStream,
  TagDeliveryStream: tagDeliveryStream,
  UntagDeliveryStream: untagDeliveryStream,
  ListTagsForDeliveryStream: listDeliveryTags,
};

function rolesOf(name: string): Operation['roles'] {
  if (name.startsWith('Put')) return ['producer'];
  return /^(Describe|List)/.test(name) ? ['producer', 'reader'] : ['admin'];
}

/** Undefined for what Firehose does not have. */
export function firehoseOperation(name: string): Operation | undefined {
  if (!Object.hasOwn(FIREHOSE_SHAPES, name)) return undefined;
  const known = name as FirehoseOperation;
  return {
    shape: FIREHOSE_SHAPES[known],
    roles: rolesOf(name),
    run: RUNS[known] as Operation['run'],
  };
}
