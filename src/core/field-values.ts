import {
  epochMicros,
  isDate,
  isInstant,
  isStorable,
  isTimestamp,
  offsetOf,
  parseInstant,
  timestampText,
} from './calendar.ts';
import type { ErrorCode } from './error-codes.ts';
import { type FieldSpec, type NamedField, typeText } from './field-types.ts';
import type { JsonNode } from './json-node.ts';

/**
 * What a value of a field is: the one judge of records and of the values in definitions. Nothing is
 * coerced; what a later cast would change is refused here.
 */
export interface ValueProblem {
  readonly code: ErrorCode;
  /** A path such as `address.city`. */
  readonly path: string;
  /** `send a whole number of 32 bits, got the text "six"`. */
  readonly reason: string;
  /** As a sentence about the field. */
  readonly message: string;
}

/** What becomes of members that are not parts of a struct. */
export type UnknownMembers = 'refuse' | 'drop' | 'keep';

export interface JudgedAt {
  readonly path: string;
  readonly unknown: UnknownMembers;
}

/** What is wrong with a value of the field, or undefined. */
export function valueProblem(
  field: FieldSpec,
  node: JsonNode,
  at: JudgedAt,
): ValueProblem | undefined {
  if (node.kind === 'null') return field.optional ? undefined : missing(at.path);
  const wrong = field.from ? sourceProblem(field, node) : typeProblem(field, node, at);
  if (typeof wrong === 'object') return wrong;
  if (wrong !== undefined) {
    const reason = `${wrong}, got ${describeNode(node)}`;
    return {
      code: 'MR_FIELD_TYPE',
      path: at.path,
      reason,
      message: `Field '${at.path}' is ${typeText(field.type)}: ${reason}.`,
    };
  }
  const broken = ruleProblem(field, field.from === 'integer-text' ? integerNode(node) : node);
  if (broken === undefined) return undefined;
  const reason = `${broken}, got ${describeNode(node)}`;
  const message = `Field '${at.path}': ${reason}.`;
  return { code: 'MR_FIELD_RULE', path: at.path, reason, message };
}

export function missing(path: string): ValueProblem {
  const reason = 'is required but missing or null';
  return { code: 'MR_FIELD_MISSING', path, reason, message: `Field '${path}' ${reason}.` };
}

export function unknownMember(path: string, known: readonly string[]): ValueProblem {
  const twin = known.find((name) => name.toLowerCase() === path.toLowerCase());
  const hint = twin ? `Did you mean '${twin}'? Case matters.` : `Fields are: ${known.join(', ')}.`;
  const reason = `there is no field '${path}'`;
  return {
    code: 'MR_FIELD_UNKNOWN',
    path,
    reason,
    message: `There is no field '${path}'. ${hint}`,
  };
}

/** How a value is named in messages. */
export function describeNode(node: JsonNode): string {
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

const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const NOT_NUMBERS: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity']);
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/** What is wrong with a value for its type: in words, or the problem of one of its parts. */
function typeProblem(
  field: FieldSpec,
  node: JsonNode,
  at: JudgedAt,
): string | ValueProblem | undefined {
  const { type } = field;
  switch (type.kind) {
    case 'boolean':
      return node.kind === 'boolean' ? undefined : 'send true or false';
    case 'int':
      return isInt(node) ? undefined : 'send a whole number of 32 bits';
    case 'long':
      return isLong(node) ? undefined : 'send a whole number of 64 bits (as text, or as a number)';
    case 'float':
    case 'double':
      return isFloating(node, type.kind) ? undefined : floatingAdvice(node, type.kind);
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
      return instantProblem(node);
    default:
      return nestedProblem(type, node, at);
  }
}

type Nested = Extract<FieldSpec['type'], { kind: 'list' | 'map' | 'struct' }>;

function nestedProblem(type: Nested, node: JsonNode, at: JudgedAt) {
  if (type.kind === 'list') {
    if (node.kind !== 'list') return 'send a list';
    return first(node.items.entries(), ([index, item]) =>
      valueProblem(type.element, item, { ...at, path: `${at.path}[${index}]` }),
    );
  }
  if (node.kind !== 'object') return 'send an object';
  if (type.kind === 'struct') return structProblem(type.fields, node.members, at);
  return first(
    node.members,
    ([key, value]) =>
      valueProblem(type.key, keyNode(type.key, key), {
        ...at,
        path: `${at.path} key ${JSON.stringify(key)}`,
      }) ?? valueProblem(type.value, value, { ...at, path: `${at.path}.${key}` }),
  );
}

function first<T>(
  items: Iterable<T>,
  problemOf: (item: T) => ValueProblem | undefined,
): ValueProblem | undefined {
  for (const item of items) {
    const problem = problemOf(item);
    if (problem) return problem;
  }
  return undefined;
}

/** Map keys are texts in JSON whatever their type. */
function keyNode(key: FieldSpec, text: string): JsonNode {
  return key.type.kind === 'int' ? { kind: 'number', text } : { kind: 'string', value: text };
}

function structProblem(
  fields: readonly NamedField[],
  members: ReadonlyMap<string, JsonNode>,
  at: JudgedAt,
): ValueProblem | undefined {
  const problem = first(members, ([name, value]) => {
    const field = fields.find((candidate) => candidate.name === name);
    if (field) return valueProblem(field, value, { ...at, path: `${at.path}.${name}` });
    // Only members of the record itself have a place in `_rest`.
    if (at.unknown === 'drop') return undefined;
    const known = fields.map((candidate) => `${at.path}.${candidate.name}`);
    return unknownMember(`${at.path}.${name}`, known);
  });
  const absent = fields.find((field) => !field.optional && !members.has(field.name));
  return problem ?? (absent && missing(`${at.path}.${absent.name}`));
}

function isInt(node: JsonNode): boolean {
  return (
    node.kind === 'number' && INTEGER.test(node.text) && Math.abs(Number(node.text) + 0.5) < 2 ** 31
  );
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
  if (isTooFine(node)) return TOO_FINE;
  if (node.kind === 'string' && offsetOf(node.value) !== undefined)
    return 'it has no zone; send it without an offset, or make the field timestamptz';
  return 'send YYYY-MM-DDTHH:MM:SS[.ffffff]';
}

function instantProblem(node: JsonNode): string | undefined {
  if (node.kind === 'string' && isInstant(node.value)) return undefined;
  if (isTooFine(node)) return TOO_FINE;
  return 'send YYYY-MM-DDTHH:MM:SS[.ffffff] with an offset (Z or +01:00), of the years 1 to 9999';
}

const TOO_FINE = 'at most 6 digits behind the point of the seconds: a microsecond';

const isTooFine = (node: JsonNode): boolean =>
  node.kind === 'string' && /:\d\d\.\d{7,}(?:Z|[+-][\d:]+)?$/.test(node.value);

function floatingAdvice(node: JsonNode, kind: 'float' | 'double'): string {
  if (node.kind !== 'number')
    return `send a finite number, or the text "NaN", "Infinity" or "-Infinity"`;
  return kind === 'float'
    ? 'a float holds numbers up to 3.4028235e38; for larger ones make the field double'
    : 'a double holds numbers up to 1.7976931348623157e308';
}

const INTEGER_TEXT = /^-?\d+(?:\.0+)?$/;

function sourceProblem(field: FieldSpec, node: JsonNode): string | undefined {
  if (field.from === 'integer-text') {
    const text = node.kind === 'string' ? node.value : node.kind === 'number' ? node.text : '';
    // Ids that are not numbers pass as they are: the source only says what becomes of `17850.0`.
    return node.kind === 'string' || INTEGER_TEXT.test(text)
      ? undefined
      : 'send a whole number or text';
  }
  return epochProblem(node, field.from === 'epoch-seconds' ? 'seconds' : 'milliseconds');
}

/** `17850.0` → `17850`, as it is stored. */
export function integerText(text: string): string {
  return text.replace(/^(-?\d+)\.0+$/, '$1');
}

/** `-07.5` with scale 3 → `-7.500`. */
export function decimalText(text: string, scale: number): string {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)0*(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const digits = fraction.slice(0, scale).padEnd(scale, '0');
  const isZero = /^0*$/.test(whole + digits);
  return `${isZero ? '' : sign}${whole}${scale > 0 ? `.${digits}` : ''}`;
}

/** Rules are of the text that is stored, however it was sent. */
function integerNode(node: JsonNode): JsonNode {
  return { kind: 'string', value: integerText(scalarText(node)) };
}

interface EpochForm {
  readonly wholeMost: number;
  readonly fractionMost: number;
  /** Below this a double still holds every microsecond. */
  readonly exactBelow: number;
}
const EPOCH_SECONDS: EpochForm = { wholeMost: 12, fractionMost: 6, exactBelow: 2 ** 33 };
const EPOCH_MILLISECONDS: EpochForm = { wholeMost: 15, fractionMost: 3, exactBelow: 2 ** 42 };

function epochProblem(node: JsonNode, unit: 'seconds' | 'milliseconds'): string | undefined {
  const text = node.kind === 'number' ? node.text : '';
  const match = DECIMAL.exec(text);
  if (!match) return `send ${unit} since 1970 as a number, without an exponent`;
  const form = unit === 'seconds' ? EPOCH_SECONDS : EPOCH_MILLISECONDS;
  const [whole, fraction] = [match[2]?.length ?? 0, match[3]?.length ?? 0];
  if (fraction > form.fractionMost)
    return `at most ${form.fractionMost} digits behind the point: a microsecond`;
  if (whole > form.wholeMost || !isStorable(epochMicros(text, `epoch-${unit}`)))
    return unit === 'seconds' && isStorable(epochMicros(text, 'epoch-milliseconds'))
      ? "that many seconds since 1970 are beyond the year 9999; for milliseconds the field needs .from('epoch-milliseconds')"
      : `that many ${unit} since 1970 are not in the years 1 to 9999`;
  const isExact = whole + fraction <= 15 || Math.abs(Number(text)) < form.exactBelow;
  return isExact
    ? undefined
    : 'it has more digits than a number in JSON keeps; send fewer behind the point';
}

function ruleProblem(field: FieldSpec, node: JsonNode): string | undefined {
  const { min, max, pattern, oneOf } = field;
  if (oneOf && !oneOf.some((allowed) => String(allowed) === scalarText(node)))
    return `must be one of ${oneOf.map((value) => JSON.stringify(value)).join(', ')}`;
  if (
    pattern !== undefined &&
    node.kind === 'string' &&
    !new RegExp(`^(?:${pattern})$`, 'u').test(node.value)
  )
    return `must match /${pattern}/`;
  if (min === undefined && max === undefined) return undefined;
  const noun = isMeasured(field) ? 'length ' : '';
  const magnitude = magnitudeOf(field, node);
  // Asked this way round so that NaN, which is no place on the line, is refused by either.
  if (min !== undefined && !(magnitude >= boundOf(field, min)))
    return `${noun}must be at least ${min}`;
  if (max !== undefined && !(magnitude <= boundOf(field, max)))
    return `${noun}must be at most ${max}`;
  return undefined;
}

const isMeasured = (field: FieldSpec): boolean =>
  field.type.kind === 'string' || field.type.kind === 'binary';

function scalarText(node: JsonNode): string {
  return node.kind === 'string' ? node.value : node.kind === 'number' ? node.text : '';
}

/** What of a value is held against a bound: values of one field compare with `<` as the field's do. */
type Magnitude = number | bigint | string;

function magnitudeOf(field: FieldSpec, node: JsonNode): Magnitude {
  const text = scalarText(node);
  switch (field.type.kind) {
    case 'string':
      return [...text].length;
    case 'binary':
      return Buffer.from(text, 'base64').length;
    case 'timestamptz':
      return field.from ? epochMicros(text, field.from) : parseInstant(text);
    default:
      return scalarMagnitude(field, text);
  }
}

/** Bounds of texts and bytes are lengths; those of other types are values, in the type's own form. */
export function boundOf(field: FieldSpec, bound: number | string): Magnitude {
  if (isMeasured(field)) return Number(bound);
  const text = String(bound);
  return field.type.kind === 'timestamptz' ? parseInstant(text) : scalarMagnitude(field, text);
}

function scalarMagnitude(field: FieldSpec, text: string): Magnitude {
  switch (field.type.kind) {
    case 'long':
      return BigInt(text);
    case 'decimal':
      return scaled(text);
    case 'date':
      return text;
    case 'timestamp':
      return timestampText(text);
    default:
      return Number(text);
  }
}

/** A decimal text as an integer of 1e-38ths, to compare exactly. */
function scaled(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(`${whole}${fraction.padEnd(38, '0')}`);
}
