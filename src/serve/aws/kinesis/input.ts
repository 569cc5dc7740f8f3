import type { KINESIS_SHAPES, KinesisOperation } from '../../../wire/aws-api/kinesis-shapes.ts';
import type { ValueOf } from '../../../wire/aws-api/shape.ts';

export type Input<Name extends KinesisOperation> = ValueOf<(typeof KINESIS_SHAPES)[Name]>;
