import type { RecordSchema } from '../stream/stream-store.ts';
import type { RecordIds } from './record-id.ts';
import { compileScanner, type Scanner } from './scanner.ts';
import { Validator } from './validate.ts';

/** What judges the records of a stream: the scanner at a glance, the validator where that is not enough. */
export interface Judge {
  readonly scanner: Scanner;
  readonly validator: Validator;
  /** The stream has a key of its own. */
  readonly keyed: boolean;
  /** What tells records apart; undefined where each is new. */
  readonly ids: RecordIds | undefined;
}

export function createJudge(
  schema: RecordSchema,
  { key, ids }: { readonly key: string | undefined; readonly ids: RecordIds | undefined },
): Judge {
  const marked = { key, id: ids?.field };
  return {
    scanner: compileScanner(schema, marked),
    validator: new Validator(schema, marked),
    keyed: key !== undefined,
    ids,
  };
}
