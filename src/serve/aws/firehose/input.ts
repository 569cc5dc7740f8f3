import type { FIREHOSE_SHAPES, FirehoseOperation } from '../../../wire/aws-api/firehose-shapes.ts';
import type { ValueOf } from '../../../wire/aws-api/shape.ts';

export type Input<Name extends FirehoseOperation> = ValueOf<(typeof FIREHOSE_SHAPES)[Name]>;
