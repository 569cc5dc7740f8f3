import { MillraceError } from '../core/errors.ts';
import type { FieldSpec, FieldType, JsonValue } from '../core/field-types.ts';
import { boundOf, valueProblem } from '../core/field-values.ts';
import { parseJson } from '../core/json-node.ts';
import { invalidDefinition } from './invalid.ts';

/** What the modifiers of a field are given, held against its type, and its rules against each other. */

/** A default as the field's rows have it. */
export function defaultValue(spec: FieldSpec, value: unknown): JsonValue {
  if (value === undefined || value === null)
    throw wrong(spec, 'default', 'takes a value. For none write .optional()');
  const json = plainValue(spec, 'default', value);
  requireValue(spec, 'default', json, typeOnly(spec));
  return complete(spec.type, json);
}

const MEASURED: ReadonlySet<string> = new Set(['string', 'binary']);

/** A bound as plain data: for text and bytes a length, otherwise a value of the type. */
export function boundValue(spec: FieldSpec, modifier: 'min' | 'max', value: unknown) {
  if (MEASURED.has(spec.type.kind)) {
    if (Number.isInteger(value) && (value as number) >= 0) return value as number;
    throw wrong(spec, modifier, `takes a length, a whole number from 0; got ${shown(value)}`);
  }
  const json = plainValue(spec, modifier, value);
  if (spec.type.kind === 'float' || spec.type.kind === 'double') {
    if (typeof json === 'number') return json;
    throw wrong(spec, modifier, `takes a finite number; got ${shown(value)}`);
  }
  requireValue(spec, modifier, json, typeOnly(spec));
  return spec.type.kind === 'int' ? (json as number) : String(json);
}

/** The values of `.oneOf()` as plain data. */
export function listedValues(spec: FieldSpec, values: unknown): (string | number)[] {
  if (!Array.isArray(values) || values.length === 0)
    throw wrong(spec, 'oneOf', 'takes a list of at least one value');
  return values.map((value) => {
    const json = plainValue(spec, 'oneOf', value);
    requireValue(spec, 'oneOf', json, typeOnly(spec));
    return json as string | number;
  });
}

export function patternSource(spec: FieldSpec, expression: unknown): string {
  if (typeof expression !== 'string' && !(expression instanceof RegExp))
    throw wrong(
      spec,
      'pattern',
      `takes a regular expression or its text; got ${shown(expression)}`,
    );
  if (expression instanceof RegExp && /[^u]/.test(expression.flags))
    throw wrong(
      spec,
      'pattern',
      `does not keep the flags '${expression.flags}'. Write them into the expression, for example [Gg]b for /gb/i`,
    );
  try {
    return new RegExp(expression, 'u').source;
  } catch (error) {
    throw wrong(spec, 'pattern', `reads expressions with the flag u: ${(error as Error).message}`);
  }
}

/** Refuses rules that no value could keep, and values named by the definition that would break them. */
export function requireConsistent(spec: FieldSpec): FieldSpec {
  const { min, max, oneOf, default: fallback } = spec;
  if (min !== undefined && max !== undefined && boundOf(spec, min) > boundOf(spec, max))
    throw wrong(spec, 'min', `${min} is above .max(${max}): no value could be right`);
  const { oneOf: _values, ...others } = own(spec);
  for (const value of oneOf ?? []) requireValue(spec, 'oneOf', value, others);
  if (fallback !== undefined) requireValue(spec, 'default', fallback, own(spec));
  return spec;
}

/** The field as its rows have it, however producers write it. */
function own(spec: FieldSpec): FieldSpec {
  const { from: _from, ...rest } = spec;
  return rest;
}

const typeOnly = ({ type }: FieldSpec): FieldSpec => ({ type, optional: false });

function requireValue(spec: FieldSpec, modifier: string, value: JsonValue, judge: FieldSpec): void {
  const problem = problemOf(judge, value);
  if (problem !== undefined)
    throw wrong(spec, modifier, `is given what a record would be refused for: ${problem}`);
}

function problemOf(judge: FieldSpec, value: JsonValue): string | undefined {
  try {
    const node = parseJson(JSON.stringify(value));
    const problem = valueProblem(judge, node, { path: 'value', unknown: 'refuse' });
    return problem && (problem.path === 'value' ? problem.reason : problem.message.slice(0, -1));
  } catch (error) {
    // A text that no record may have: half a character, a zero byte.
    if (error instanceof MillraceError) return error.message;
    throw error;
  }
}

/** What stands in the file as JSON has it: exact texts for long integers, instants and bytes. */
function plainValue(spec: FieldSpec, modifier: string, value: unknown): JsonValue {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') {
    if (spec.type.kind !== 'long') return Number.isFinite(value) ? value : String(value);
    if (Number.isSafeInteger(value)) return value.toString();
    throw wrong(spec, modifier, `takes a whole number, written as 1n past 2^53; got ${value}`);
  }
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value));
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((item) => plainPart(spec, modifier, item));
  if (typeof value === 'object' && isPlain(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => [name, plainPart(spec, modifier, part)]),
    );
  throw wrong(spec, modifier, `takes a value; got ${shown(value)}`);
}

const plainPart = (spec: FieldSpec, modifier: string, value: unknown): JsonValue =>
  value === undefined ? null : plainValue(spec, modifier, value);

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Optional parts of structs that were left out, as null: engines cast whole structs only. */
function complete(type: FieldType, value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object') return value;
  if (type.kind === 'list')
    return (value as readonly JsonValue[]).map((item) => complete(type.element.type, item));
  const members = value as { readonly [name: string]: JsonValue };
  if (type.kind === 'map')
    return Object.fromEntries(
      Object.entries(members).map(([key, item]) => [key, complete(type.value.type, item)]),
    );
  if (type.kind !== 'struct') return value;
  return Object.fromEntries(
    type.fields.map((part) => [part.name, complete(part.type, members[part.name] ?? null)]),
  );
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value) : String(value);

function wrong(spec: FieldSpec, modifier: string, problem: string): Error {
  return invalidDefinition(`field.${spec.type.kind}()`, `.${modifier}() ${problem}.`);
}
