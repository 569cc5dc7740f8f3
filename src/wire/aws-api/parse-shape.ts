import { type Blob, blobLength } from '../blob.ts';
import { AwsError } from './aws-error.ts';
import type {
  ListShape,
  MapShape,
  NumberShape,
  Shape,
  StringShape,
  StructureShape,
  ValueOf,
} from './shape.ts';

/** What differs between JSON and CBOR. */
export interface WireForm {
  /** @throws AwsError SerializationException */
  readonly blob: (value: unknown) => Blob;
  /** How many milliseconds a unit of a timestamp is. */
  readonly timestampMs: number;
}

/** Where a value is, as text only where it is wrong: a request may have a thousand of them. */
interface Path {
  readonly parent: Path | undefined;
  /** The name of a member, or the place in a list. */
  readonly part: string | number;
}

/** AWS's word, which is none of ours. */
const ENUM = 'enum';

interface Named {
  readonly [name: string]: unknown;
}

/** AWS names so many failures, not more. */
const FAILURES_MAX = 10;

/**
 * The input of an operation. Types are judged first, then constraints, in AWS's words.
 * @throws AwsError SerializationException, ValidationException
 */
export function parseInput<S extends StructureShape>(
  shape: S,
  value: unknown,
  form: WireForm,
): ValueOf<S> {
  const typed = typedStructure(shape, value, form);
  const failures: string[] = [];
  checkMembers(shape, typed, undefined, failures);
  if (failures.length > 0) {
    const listed = failures.slice(0, FAILURES_MAX);
    const errors = listed.length === 1 ? 'error' : 'errors';
    throw new AwsError(
      'ValidationException',
      `${listed.length} validation ${errors} detected: ${listed.join('; ')}`,
    );
  }
  return typed as ValueOf<S>;
}

interface Member {
  readonly name: string;
  readonly shape: Shape;
  readonly isRequired: boolean;
}

const members = new WeakMap<StructureShape, readonly Member[]>();

/** In the order they are judged. A request may have a thousand structures of one shape. */
function membersOf(shape: StructureShape): readonly Member[] {
  const known = members.get(shape);
  if (known) return known;
  const list = (named: StructureShape['required'], isRequired: boolean): Member[] =>
    Object.entries(named).map(([name, member]) => ({ name, shape: member, isRequired }));
  const all = [...list(shape.required, true), ...list(shape.optional, false)];
  members.set(shape, all);
  return all;
}

function typedStructure(
  structure: StructureShape,
  value: unknown,
  form: WireForm,
): { [name: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongType(value, 'a Structure');
  const given = value as Named;
  const typed: { [name: string]: unknown } = {};
  for (const { name, shape } of membersOf(structure)) {
    const member = given[name];
    if (member !== undefined && member !== null) typed[name] = typedValue(shape, member, form);
  }
  return typed;
}

function typedValue(shape: Shape, value: unknown, form: WireForm): unknown {
  switch (shape.type) {
    case 'string':
      if (typeof value !== 'string') throw wrongType(value, 'a String');
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw wrongType(value, 'a Boolean');
      return value;
    case 'integer':
    case 'long':
      return wholeNumber(value, shape.type === 'integer' ? 'an Integer' : 'a Long');
    case 'timestamp':
      if (typeof value !== 'number' && typeof value !== 'bigint')
        throw wrongType(value, 'a Timestamp');
      return Number(value) * form.timestampMs;
    case 'blob':
      return form.blob(value);
    case 'list':
      if (!Array.isArray(value)) throw wrongType(value, 'a List');
      return value.map((one: unknown) => typedElement(shape, one, form));
    case 'map':
      return typedMap(shape, value, form);
    case 'structure':
      return typedStructure(shape, value, form);
  }
}

/** A list may hold nulls, which fail later, as members that must be there. */
function typedElement({ of }: ListShape, value: unknown, form: WireForm): unknown {
  return value === null || value === undefined ? undefined : typedValue(of, value, form);
}

function typedMap({ of }: MapShape, value: unknown, form: WireForm): Named {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongType(value, 'a Map');
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      one === null ? undefined : typedValue(of, one, form),
    ]),
  );
}

function wholeNumber(value: unknown, wanted: string): number {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongType(value, wanted);
  return Math.trunc(Number(value));
}

export function wrongType(value: unknown, wanted: string): AwsError {
  return new AwsError(
    'SerializationException',
    `${kindOf(value)} can not be converted to ${wanted}`,
  );
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'START_ARRAY';
  if (value instanceof Uint8Array) return 'BYTE_STRING';
  switch (typeof value) {
    case 'string':
      return 'STRING_VALUE';
    case 'number':
    case 'bigint':
      return 'NUMBER_VALUE';
    case 'boolean':
      return value ? 'TRUE_VALUE' : 'FALSE_VALUE';
    case 'object':
      return value === null ? 'NULL_VALUE' : 'START_OBJECT';
    default:
      return 'UNKNOWN_VALUE';
  }
}

function checkMembers(
  structure: StructureShape,
  value: Named,
  path: Path | undefined,
  failures: string[],
): void {
  for (const { name, shape, isRequired } of membersOf(structure))
    if (isRequired || value[name] !== undefined)
      checkValue(shape, value[name], { parent: path, part: name }, failures);
}

function checkValue(shape: Shape, value: unknown, path: Path, failures: string[]): void {
  if (failures.length >= FAILURES_MAX) return;
  if (value === undefined) {
    failures.push(failure('null', path, 'Member must not be null'));
    return;
  }
  if (shape.type === 'string') checkString(shape, value as string, path, failures);
  else if (shape.type === 'integer' || shape.type === 'long')
    checkNumber(shape, value as number, path, failures);
  else if (shape.type === 'blob') {
    const length = blobLength(value as Blob);
    checkLength(shape, { length, text: 'java.nio.HeapByteBuffer' }, path, failures);
  } else if (shape.type === 'list') checkList(shape, value as readonly unknown[], path, failures);
  else if (shape.type === 'map') checkMap(shape, value as Named, path, failures);
  else if (shape.type === 'structure') checkMembers(shape, value as Named, path, failures);
}

function checkString(
  { min, max, pattern, values }: StringShape,
  text: string,
  path: Path,
  failures: string[],
): void {
  checkLength({ min, max }, { length: text.length, text }, path, failures);
  if (pattern !== undefined && !patternOf(pattern).test(text))
    failures.push(
      failure(quoted(text), path, `Member must satisfy regular expression pattern: ${pattern}`),
    );
  if (values && !values.includes(text))
    failures.push(
      failure(quoted(text), path, `Member must satisfy ${ENUM} value set: [${values.join(', ')}]`),
    );
}

const patterns = new Map<string, RegExp>();

function patternOf(pattern: string): RegExp {
  const known = patterns.get(pattern) ?? new RegExp(`^(?:${pattern})$`, 'su');
  patterns.set(pattern, known);
  return known;
}

function checkNumber(
  { min, max }: NumberShape,
  value: number,
  path: Path,
  failures: string[],
): void {
  if (min !== undefined && !(value >= min))
    failures.push(
      failure(quoted(value), path, `Member must have value greater than or equal to ${min}`),
    );
  if (max !== undefined && !(value <= max))
    failures.push(
      failure(quoted(value), path, `Member must have value less than or equal to ${max}`),
    );
}

interface Lengths {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

function checkLength(
  { min, max }: Lengths,
  { length, text }: { readonly length: number; readonly text: string },
  path: Path,
  failures: string[],
): void {
  if (min !== undefined && length < min)
    failures.push(
      failure(quoted(text), path, `Member must have length greater than or equal to ${min}`),
    );
  if (max !== undefined && length > max)
    failures.push(
      failure(quoted(text), path, `Member must have length less than or equal to ${max}`),
    );
}

function checkList(
  { of, min, max }: ListShape,
  list: readonly unknown[],
  path: Path,
  failures: string[],
): void {
  checkLength({ min, max }, { length: list.length, text: '[…]' }, path, failures);
  list.forEach((one, index) => {
    checkValue(of, one, { parent: path, part: index }, failures);
  });
}

function checkMap(
  { key, of, min, max }: MapShape,
  map: Named,
  path: Path,
  failures: string[],
): void {
  const entries = Object.entries(map);
  checkLength({ min, max }, { length: entries.length, text: '{…}' }, path, failures);
  for (const [name, value] of entries) {
    checkString(key, name, { parent: path, part: 'key' }, failures);
    checkValue(of, value, { parent: path, part: `${name}.member` }, failures);
  }
}

const quoted = (value: string | number): string => `'${String(value).slice(0, 256)}'`;

const failure = (value: string, path: Path, constraint: string): string =>
  `Value ${value} at '${pathText(path)}' failed to satisfy constraint: ${constraint}`;

/** `records.1.member.data`: as AWS counts, from 1. */
function pathText({ parent, part }: Path): string {
  const text = typeof part === 'number' ? `${part + 1}.member` : lowerFirst(part);
  return parent ? `${pathText(parent)}.${text}` : text;
}

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
