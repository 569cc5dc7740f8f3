import type { Role } from '../../govern/key-store.ts';
import type { Output } from '../../wire/aws-api/codec.ts';
import type { StructureShape } from '../../wire/aws-api/shape.ts';
import type { AwsCall } from './aws-call.ts';

/** One operation of a service: what it takes, who may ask for it, and what it does. */
export interface Operation {
  readonly shape: StructureShape;
  /** One of them is needed; an admin may do all. */
  readonly roles: readonly Role[];
  /** `input` was parsed by the shape. Undefined for what answers as an event stream. */
  readonly run: ((call: AwsCall, input: never) => Promise<Output>) | undefined;
}
