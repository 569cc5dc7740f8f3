import {
  epochMicros,
  isDate,
  isInstant,
  isStorable,
  isTimestamp,
  offsetOf,
} from '../core/calendar.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import { MillraceError } from '../core/errors.ts';
import { type FieldSpec, type NamedField, typeText } from '../core/field-types.ts';
import type { RecordSchema } from '../stream/stream-store.ts';
import { type JsonNode, parseJson } from './json-node.ts';

/** Why a record is refused; `field` is a path such as `address.city`. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly field?: string;
  readonly message: string;
}

export type Verdict = { readonly refusal: Refusal } | { readonly key: string | undefined };

/**
 * The reference validator: it decides about every record that the scanner does not accept at a glance,
 * and words every refusal. Nothing is coerced; what a later cast would change is refused here.
 */
export class Validator {
  readonly #fields: ReadonlyMap<string, NamedField>;
  readonly #required: readonly string[];
  readonly #unknown: RecordSchema['unknown'];
  readonly #key: string | undefined;

  constructor(schema: RecordSchema, key: string | undefined) {
    this.#fields = new Map(schema.fields.map((field) => [field.name, field]));
    this.#required = schema.fields.filter((field) => !field.optional).map((field) => field.name);
    this.#unknown = schema.unknown;
    this.#key = key;
  }

  /** `text` is one JSON value. */
  check(text: string): Verdict {
    try {
      const node = parseJson(text);
      if (node.kind !== 'object')
        return {
          refusal: {
            code: 'MR_RECORD_SHAPE',
            message: `A record is a JSON object, not ${describe(node)}.`,
          },
        };
      this.#checkMembers(node.members);
      return { key: this.#key === undefined ? undefined : keyText(node.members.get(this.#key)) };
    } catch (error) {
      if (error instanceof MillraceError) return { refusal: refusalOf(error) };
      throw error;
    }
  }

  #checkMembers(members: ReadonlyMap<string, JsonNode>): void {
    for (const [name, value] of members) {
      const field = this.#fields.get(name);
      if (field) checkField(field, value, name, this.#unknown);
      else if (this.#unknown === 'refuse') throw unknownField(name, [...this.#fields.keys()]);
    }
    for (const name of this.#required) if (!members.has(name)) throw missing(name);
  }
}

function refusalOf(error: MillraceError): Refusal {
  const { field } = error.details;
  return {
    code: error.code,
    ...(typeof field === 'string' ? { field } : {}),
    message: error.message,
  };
}

/** The partition key as bytes will be hashed: the text of a value, the same whichever way it was written. */
function keyText(node: JsonNode | undefined): string | undefined {
  if (node?.kind === 'string') return node.value;
  if (node?.kind === 'number') return node.text;
  if (node?.kind === 'boolean') return String(node.value);
  return undefined;
}

const refuse = (code: ErrorCode, field: string, message: string): MillraceError =>
  new MillraceError(code, message, { details: { field } });

const missing = (path: string): MillraceError =>
  refuse('MR_FIELD_MISSING', path, `Field '${path}' is required but missing or null.`);

function unknownField(path: string, known: readonly string[]): MillraceError {
  const twin = known.find((name) => name.toLowerCase() === path.toLowerCase());
  const hint = twin ? `Did you mean '${twin}'? Case matters.` : `Fields are: ${known.join(', ')}.`;
  return refuse('MR_FIELD_UNKNOWN', path, `There is no field '${path}'. ${hint}`);
}

function describe(node: JsonNode): string {
  switch (node.kind) {
    case 'string':
      return `the text ${JSON.stringify(shorten(node.value))}`;
    case 'number':
      return `the number ${shorten(node.text)}`;
    case 'boolean':
      return String(node.value);
    case 'null':
      return 'null';
    case 'list':
      return 'a list';
    case 'object':
      return 'an object';
  }
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

function checkField(
  field: FieldSpec,
  node: JsonNode,
  path: string,
  unknown: RecordSchema['unknown'],
): void {
  if (node.kind === 'null') {
    if (field.optional) return;
    throw missing(path);
  }
  const problem = field.from ? checkSource(field, node) : checkType(field, node, path, unknown);
  if (problem !== undefined)
    throw refuse(
      'MR_FIELD_TYPE',
      path,
      `Field '${path}' is ${typeText(field.type)}: ${problem}, got ${describe(node)}.`,
    );
  checkRules(field, node, path);
}

const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const NOT_NUMBERS: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity']);
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/** What is wrong with a value for its type, or undefined. */
function checkType(
  field: FieldSpec,
  node: JsonNode,
  path: string,
  unknown: RecordSchema['unknown'],
): string | undefined {
  const { type } = field;
  switch (type.kind) {
    case 'boolean':
      return node.kind === 'boolean' ? undefined : 'send true or false';
    case 'int':
      return node.kind === 'number' &&
        INTEGER.test(node.text) &&
        Math.abs(Number(node.text) + 0.5) < 2 ** 31
        ? undefined
        : 'send a whole number of 32 bits';
    case 'long':
      return isLong(node) ? undefined : 'send a whole number of 64 bits (as text, or as a number)';
    case 'float':
    case 'double':
      return isFloating(node, type.kind)
        ? undefined
        : `send a finite number, or the text "NaN", "Infinity" or "-Infinity"`;
    case 'decimal':
      return decimalProblem(node, type.precision, type.scale);
    case 'string':
      return node.kind === 'string' ? undefined : 'send text';
    case 'uuid':
      return node.kind === 'string' && UUID.test(node.value) ? undefined : 'send a UUID as text';
    case 'binary':
      return node.kind === 'string' && BASE64.test(node.value)
        ? undefined
        : 'send bytes as base64 text';
    case 'date':
      return node.kind === 'string' && isDate(node.value) ? undefined : 'send YYYY-MM-DD';
    case 'timestamp':
      return timestampProblem(node);
    case 'timestamptz':
      return node.kind === 'string' && isInstant(node.value)
        ? undefined
        : 'send YYYY-MM-DDTHH:MM:SS[.ffffff] with an offset (Z or +01:00), of the years 1 to 9999';
    case 'list':
      if (node.kind !== 'list') return 'send a list';
      for (const [index, item] of node.items.entries())
        checkField(type.element, item, `${path}[${index}]`, unknown);
      return undefined;
    case 'map':
      if (node.kind !== 'object') return 'send an object';
      for (const [key, value] of node.members) {
        checkField(type.key, keyNode(type.key, key), `${path} key ${JSON.stringify(key)}`, unknown);
        checkField(type.value, value, `${path}.${key}`, unknown);
      }
      return undefined;
    case 'struct':
      if (node.kind !== 'object') return 'send an object';
      checkStruct(type.fields, node.members, path, unknown);
      return undefined;
  }
}

/** Map keys are texts in JSON whatever their type. */
function keyNode(key: FieldSpec, text: string): JsonNode {
  return key.type.kind === 'int' ? { kind: 'number', text } : { kind: 'string', value: text };
}

function checkStruct(
  fields: readonly NamedField[],
  members: ReadonlyMap<string, JsonNode>,
  path: string,
  unknown: RecordSchema['unknown'],
): void {
  for (const [name, value] of members) {
    const field = fields.find((candidate) => candidate.name === name);
    if (field) checkField(field, value, `${path}.${name}`, unknown);
    // Only members of the record itself have a place in `_rest`.
    else if (unknown !== 'drop')
      throw unknownField(
        `${path}.${name}`,
        fields.map((candidate) => `${path}.${candidate.name}`),
      );
  }
  for (const field of fields)
    if (!field.optional && !members.has(field.name)) throw missing(`${path}.${field.name}`);
}

function isLong(node: JsonNode): boolean {
  const text = node.kind === 'string' ? node.value : node.kind === 'number' ? node.text : '';
  if (!INTEGER.test(text) || text.length > 20) return false;
  const value = BigInt(text);
  return value >= LONG_MIN && value <= LONG_MAX;
}

function isFloating(node: JsonNode, kind: 'float' | 'double'): boolean {
  if (node.kind === 'string') return NOT_NUMBERS.has(node.value);
  if (node.kind !== 'number') return false;
  return Number.isFinite(kind === 'float' ? Math.fround(Number(node.text)) : Number(node.text));
}

/** JSON numbers pass through a double on their way into a table; 15 digits are what a double keeps. */
function decimalProblem(node: JsonNode, precision: number, scale: number): string | undefined {
  const text = node.kind === 'string' ? node.value : node.kind === 'number' ? node.text : '';
  const match = DECIMAL.exec(text);
  if (!match)
    return node.kind === 'number'
      ? 'write the number without an exponent'
      : 'send a number or its text';
  const whole = (match[2] ?? '').replace(/^0+/, '');
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  if (fraction.length > scale) return `at most ${scale} digits behind the point`;
  if (whole.length > precision - scale)
    return `at most ${precision - scale} digits before the point`;
  if (node.kind === 'number' && whole.length + fraction.length > 15)
    return 'a number of more than 15 digits would be rounded; send it as text';
  return undefined;
}

function timestampProblem(node: JsonNode): string | undefined {
  if (node.kind === 'string' && isTimestamp(node.value)) return undefined;
  if (node.kind === 'string' && offsetOf(node.value) !== undefined)
    return 'it has no zone; send it without an offset, or make the field timestamptz';
  return 'send YYYY-MM-DDTHH:MM:SS[.ffffff]';
}

const INTEGER_TEXT = /^-?\d+(?:\.0+)?$/;

function checkSource(field: FieldSpec, node: JsonNode): string | undefined {
  if (field.from === 'integer-text') {
    const text = node.kind === 'string' ? node.value : node.kind === 'number' ? node.text : '';
    // Ids that are not numbers pass as they are: the source only says what becomes of `17850.0`.
    return node.kind === 'string' || INTEGER_TEXT.test(text)
      ? undefined
      : 'send a whole number or text';
  }
  const fits =
    node.kind === 'number' &&
    isEpoch(node.text, field.from === 'epoch-seconds' ? EPOCH_SECONDS : EPOCH_MILLISECONDS) &&
    isStorable(epochMicros(node.text, field.from ?? ''));
  return fits ? undefined : `send ${field.from?.slice(6)} since 1970 as a number`;
}

interface EpochForm {
  readonly wholeMost: number;
  readonly fractionMost: number;
  /** Below this a double still holds every microsecond. */
  readonly exactBelow: number;
}
const EPOCH_SECONDS: EpochForm = { wholeMost: 12, fractionMost: 6, exactBelow: 2 ** 33 };
const EPOCH_MILLISECONDS: EpochForm = { wholeMost: 15, fractionMost: 3, exactBelow: 2 ** 42 };

function isEpoch(text: string, form: EpochForm): boolean {
  const match = DECIMAL.exec(text);
  const [whole, fraction] = [match?.[2]?.length ?? 0, match?.[3]?.length ?? 0];
  const isExact = whole + fraction <= 15 || Math.abs(Number(text)) < form.exactBelow;
  return match !== null && whole <= form.wholeMost && fraction <= form.fractionMost && isExact;
}

function checkRules(field: FieldSpec, node: JsonNode, path: string): void {
  const broken = (message: string) =>
    refuse('MR_FIELD_RULE', path, `Field '${path}': ${message}, got ${describe(node)}.`);
  const { min, max, pattern, oneOf } = field;
  if (oneOf && !oneOf.some((allowed) => String(allowed) === scalarText(node)))
    throw broken(`must be one of ${oneOf.map((value) => JSON.stringify(value)).join(', ')}`);
  if (
    pattern !== undefined &&
    node.kind === 'string' &&
    !new RegExp(`^(?:${pattern})$`, 'u').test(node.value)
  )
    throw broken(`must match /${pattern}/`);
  if (min === undefined && max === undefined) return;
  const isLength = field.type.kind === 'string' || field.type.kind === 'binary';
  const noun = isLength ? 'length ' : '';
  if (min !== undefined && compare(field, node, min) < 0)
    throw broken(`${noun}must be at least ${min}`);
  if (max !== undefined && compare(field, node, max) > 0)
    throw broken(`${noun}must be at most ${max}`);
}

function scalarText(node: JsonNode): string {
  return node.kind === 'string' ? node.value : node.kind === 'number' ? node.text : '';
}

function compare(field: FieldSpec, node: JsonNode, bound: number | string): number {
  const text = scalarText(node);
  switch (field.type.kind) {
    case 'string':
      return [...text].length - Number(bound);
    case 'binary':
      return Buffer.from(text, 'base64').length - Number(bound);
    case 'long':
      return sign(BigInt(text), BigInt(bound));
    case 'decimal':
      return sign(scaled(text), scaled(String(bound)));
    case 'timestamptz':
      return field.from
        ? Number(text) * (field.from === 'epoch-seconds' ? 1000 : 1) - Date.parse(String(bound))
        : Date.parse(text) - Date.parse(String(bound));
    case 'date':
    case 'timestamp':
      return sign(text.replace(' ', 'T'), String(bound).replace(' ', 'T'));
    default:
      return Number(text) - Number(bound);
  }
}

function sign<T>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A decimal text as an integer of 1e-38ths, to compare exactly. */
function scaled(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(`${whole}${fraction.padEnd(38, '0')}`);
}
