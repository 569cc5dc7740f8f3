import type { ErrorCode } from '../core/error-codes.ts';
import { MillraceError } from '../core/errors.ts';
import type { NamedField } from '../core/field-types.ts';
import {
  describeNode,
  missing,
  unknownMember,
  type ValueProblem,
  valueProblem,
} from '../core/field-values.ts';
import { type JsonNode, parseJson } from '../core/json-node.ts';
import type { RecordSchema } from '../stream/stream-store.ts';
import { wholeNumberText } from './record-id.ts';
import type { MarkedFields } from './scanner.ts';

/** Why a record is refused; `field` is a path such as `address.city`. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly field?: string;
  readonly message: string;
}

export type Verdict =
  | { readonly refusal: Refusal }
  | { readonly key: string | undefined; readonly id: string | undefined };

/**
 * The reference validator: it decides about every record that the scanner does not accept at a glance,
 * and words every refusal. Nothing is coerced; what a later cast would change is refused here.
 */
export class Validator {
  readonly #fields: ReadonlyMap<string, NamedField>;
  readonly #required: readonly string[];
  readonly #unknown: RecordSchema['unknown'];
  readonly #marked: MarkedFields;

  constructor(schema: RecordSchema, marked: MarkedFields = { key: undefined, id: undefined }) {
    this.#fields = new Map(schema.fields.map((field) => [field.name, field]));
    this.#required = schema.fields.filter((field) => !field.optional).map((field) => field.name);
    this.#unknown = schema.unknown;
    this.#marked = marked;
  }

  /** `text` is one JSON value. */
  check(text: string): Verdict {
    const node = parsed(text);
    if ('refusal' in node) return node;
    if (node.kind !== 'object')
      return {
        refusal: {
          code: 'MR_RECORD_SHAPE',
          message: `A record is a JSON object, not ${describeNode(node)}.`,
        },
      };
    const problem = this.#problemOf(node.members);
    if (problem)
      return { refusal: { code: problem.code, field: problem.path, message: problem.message } };
    const { key, id } = this.#marked;
    return {
      key: key === undefined ? undefined : keyText(node.members.get(key)),
      id: id === undefined ? undefined : idOf(node.members.get(id)),
    };
  }

  #problemOf(members: ReadonlyMap<string, JsonNode>): ValueProblem | undefined {
    const unknown = this.#unknown;
    for (const [name, value] of members) {
      const field = this.#fields.get(name);
      if (!field && unknown === 'refuse') return unknownMember(name, [...this.#fields.keys()]);
      const problem = field && valueProblem(field, value, { path: name, unknown });
      if (problem) return problem;
    }
    const absent = this.#required.find((name) => !members.has(name));
    return absent === undefined ? undefined : missing(absent);
  }
}

function parsed(text: string): JsonNode | { readonly refusal: Refusal } {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const { field } = error.details;
    return {
      refusal: {
        code: error.code,
        ...(typeof field === 'string' ? { field } : {}),
        message: error.message,
      },
    };
  }
}

/** The partition key as bytes will be hashed: the text of a value, the same whichever way it was written. */
function keyText(node: JsonNode | undefined): string | undefined {
  if (node?.kind === 'string') return node.value;
  if (node?.kind === 'number') return node.text;
  if (node?.kind === 'boolean') return String(node.value);
  return undefined;
}

/** What tells the record apart: the same for one value, however it was written. */
function idOf(node: JsonNode | undefined): string | undefined {
  return node?.kind === 'number' ? wholeNumberText(node.text) : keyText(node);
}
