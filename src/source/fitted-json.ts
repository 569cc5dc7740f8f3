import type { FieldSpec } from '../core/field-types.ts';
import { type JsonNode, parseJson } from '../core/json-node.ts';

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const WHOLE = /^(-?(?:0|[1-9]\d*))(?:\.0+)?$/;

/**
 * JSON of a typed table as JSON of the field: there an integer of 64 bits or a decimal is a text, so that none
 * is rounded, and a whole number of a column of doubles is `1.0`. A value that does not fit goes on as it is.
 */
export function fittedJson(field: FieldSpec): (json: string) => string {
  return needsFitting(field) ? (json) => fitted(field, parseJson(json)) : (json) => json;
}

function needsFitting({ type, from }: FieldSpec): boolean {
  switch (type.kind) {
    case 'list':
      return needsFitting(type.element);
    case 'map':
      return needsFitting(type.value);
    case 'struct':
      return type.fields.some(needsFitting);
    default:
      return isNumber(type.kind) || isEpoch(from);
  }
}

const isInteger = (kind: string) => kind === 'int' || kind === 'long';
const isNumber = (kind: string) => isInteger(kind) || kind === 'float' || kind === 'double';
const isEpoch = (from: FieldSpec['from']) =>
  from === 'epoch-seconds' || from === 'epoch-milliseconds';

function fitted(field: FieldSpec, node: JsonNode): string {
  const { type } = field;
  if (type.kind === 'list' && node.kind === 'list')
    return `[${node.items.map((item) => fitted(type.element, item)).join(',')}]`;
  if (type.kind === 'map' && node.kind === 'object') return members(node, () => type.value);
  if (type.kind === 'struct' && node.kind === 'object')
    return members(node, (name) => type.fields.find((part) => part.name === name));
  if (isInteger(type.kind)) return wholeNumber(node) ?? written(node);
  if ((isNumber(type.kind) || isEpoch(field.from)) && node.kind === 'string')
    return NUMBER.test(node.value) ? node.value : written(node);
  return written(node);
}

function members(
  node: JsonNode & { kind: 'object' },
  fieldOf: (name: string) => FieldSpec | undefined,
): string {
  const texts = [...node.members].map(([name, value]) => {
    const field = fieldOf(name);
    return `${JSON.stringify(name)}:${field ? fitted(field, value) : written(value)}`;
  });
  return `{${texts.join(',')}}`;
}

function wholeNumber(node: JsonNode): string | undefined {
  if (node.kind !== 'string' && node.kind !== 'number') return undefined;
  const text = node.kind === 'string' ? node.value : node.text;
  const whole = WHOLE.exec(text)?.[1];
  if (whole !== undefined) return whole === '-0' ? '0' : whole;
  const value = Number(text);
  return node.kind === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
}

function written(node: JsonNode): string {
  switch (node.kind) {
    case 'null':
      return 'null';
    case 'number':
      return node.text;
    case 'list':
      return `[${node.items.map(written).join(',')}]`;
    case 'object':
      return members(node, () => undefined);
    default:
      return JSON.stringify(node.value);
  }
}
