import { epochMicros, parseInstant, timestampText } from './calendar.ts';
import type { FieldSpec, NamedField } from './field-types.ts';
import { decimalText, integerText } from './field-values.ts';
import { type JsonNode, parseJson } from './json-node.ts';

/** Runs in browsers too. */
type Row = { readonly [field: string]: unknown };

/**
 * A stored record as the row that was sent: longs as bigint, decimals and dates without zone as text, instants
 * as Date, bytes as Uint8Array; null where there is no value. Members that are no fields are left out.
 */
export function rowOf(members: ReadonlyMap<string, JsonNode>, fields: readonly NamedField[]): Row {
  return Object.fromEntries(
    fields.map((field) => [
      field.name,
      fieldValue(field, members.get(field.name) ?? members.get(field.renamedFrom ?? '')),
    ]),
  );
}

function fieldValue(field: FieldSpec, node: JsonNode | undefined): unknown {
  if (!node || node.kind === 'null') {
    if (field.default === undefined) return null;
    const { from: _from, default: value, ...plain } = field;
    return fieldValue(plain, parseJson(JSON.stringify(value)));
  }
  const text = node.kind === 'string' ? node.value : node.kind === 'number' ? node.text : '';
  if (field.from === 'integer-text') return integerText(text);
  if (field.from !== undefined) return dateOf(epochMicros(text, field.from));
  const { type } = field;
  switch (type.kind) {
    case 'boolean':
      return node.kind === 'boolean' && node.value;
    case 'int':
    case 'double':
      return Number(text);
    case 'float':
      return Math.fround(Number(text));
    case 'long':
      return BigInt(text);
    case 'decimal':
      return decimalText(text, type.scale);
    case 'uuid':
      return text.toLowerCase();
    case 'timestamp':
      return timestampText(text);
    case 'timestamptz':
      return dateOf(parseInstant(text));
    case 'binary':
      return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    case 'list':
      return node.kind === 'list' ? node.items.map((item) => fieldValue(type.element, item)) : null;
    case 'map':
      return mapOf(type.value, node);
    case 'struct':
      return node.kind === 'object' ? rowOf(node.members, type.fields) : null;
    default:
      return text;
  }
}

/** A Date holds milliseconds: what an instant has below them is left out. */
function dateOf(micros: bigint): Date {
  const below = ((micros % 1000n) + 1000n) % 1000n;
  return new Date(Number((micros - below) / 1000n));
}

function mapOf(value: FieldSpec, node: JsonNode): Row | null {
  if (node.kind !== 'object') return null;
  return Object.fromEntries([...node.members].map(([key, item]) => [key, fieldValue(value, item)]));
}
