import { epochMicros, instantText, parseInstant, timestampText } from '../core/calendar.ts';
import type { FieldSpec, FieldType, NamedField } from '../core/field-types.ts';
import { decimalText, integerText } from '../core/field-values.ts';
import { type JsonNode, parseJson } from '../core/json-node.ts';
import { readsAs } from '../plan/diff.ts';

/**
 * A stored record as the row that SQL shows, in the same JSON: every field in order, long and decimal
 * as text, times ISO 8601, null where there is no value. `.from()` and `.default()` are applied.
 */
export interface CanonicalRow {
  /** JSON text per field. */
  readonly values: readonly string[];
  /** The row as a JSON object. */
  readonly json: string;
}

export function canonicalRow(line: string, fields: readonly NamedField[]): CanonicalRow {
  const members = membersOf(line);
  const values = fields.map((field) => canonicalValue(field, members.get(field.name)));
  return { values, json: objectText(fields, values) };
}

/**
 * A record as a row of today's fields, when it was stored under others: with the defaults of its time, and
 * null where it has no value that fits, as in SQL.
 */
export function rowOfToday(
  line: string,
  stored: readonly NamedField[],
  today: readonly NamedField[],
): CanonicalRow {
  const members = membersOf(line);
  const values = today.map((field) => {
    const was = stored.find(({ name }) => name === field.name);
    return valueOfToday(was, field, members.get(field.name));
  });
  return { values, json: objectText(today, values) };
}

/** The canonical JSON of a value that was stored under the field as it was, as today's field shows it. */
export function valueOfToday(
  was: FieldSpec | undefined,
  field: FieldSpec,
  node: JsonNode | undefined,
): string {
  if (!was || !readsAs(was.type, field.type)) return 'null';
  const value = canonicalValue(was, node);
  const isSame = JSON.stringify(was.type) === JSON.stringify(field.type);
  return isSame ? value : canonicalValue(canonicalField(field), parseJson(value));
}

/** Members of a stored record, as they were written. */
export function membersOf(line: string): ReadonlyMap<string, JsonNode> {
  const node = parseJson(line);
  return node.kind === 'object' ? node.members : new Map();
}

/** The field as its canonical values are read: `.from()` and `.default()` were applied when they were made. */
export function canonicalField({ type, optional }: FieldSpec): FieldSpec {
  return { type: canonicalType(type), optional };
}

function canonicalType(type: FieldType): FieldType {
  switch (type.kind) {
    case 'list':
      return { ...type, element: canonicalField(type.element) };
    case 'map':
      return { ...type, value: canonicalField(type.value) };
    case 'struct':
      return {
        ...type,
        fields: type.fields.map((part) => ({ name: part.name, ...canonicalField(part) })),
      };
    default:
      return type;
  }
}

function objectText(fields: readonly NamedField[], values: readonly string[]): string {
  return `{${fields.map((field, index) => `${JSON.stringify(field.name)}:${values[index]}`).join(',')}}`;
}

/** The canonical JSON of one value. */
export function canonicalValue(field: FieldSpec, node: JsonNode | undefined): string {
  if (!node || node.kind === 'null') {
    if (field.default === undefined) return 'null';
    const { from: _from, ...plain } = field;
    return canonicalValue(
      { ...plain, default: undefined } as unknown as FieldSpec,
      parseJson(JSON.stringify(field.default)),
    );
  }
  const text = node.kind === 'string' ? node.value : node.kind === 'number' ? node.text : '';
  if (field.from === 'integer-text') return JSON.stringify(integerText(text));
  if (field.from !== undefined) return JSON.stringify(instantText(epochMicros(text, field.from)));
  const { type } = field;
  switch (type.kind) {
    case 'boolean':
      return node.kind === 'boolean' ? String(node.value) : 'null';
    case 'int':
      return String(Number(text));
    case 'float':
      return node.kind === 'string' ? JSON.stringify(text) : String(Math.fround(Number(text)));
    case 'double':
      return node.kind === 'string' ? JSON.stringify(text) : String(Number(text));
    case 'long':
      return JSON.stringify(String(BigInt(text)));
    case 'decimal':
      return JSON.stringify(decimalText(text, type.scale));
    case 'uuid':
      return JSON.stringify(text.toLowerCase());
    case 'timestamp':
      return JSON.stringify(timestampText(text));
    case 'timestamptz':
      return JSON.stringify(instantText(parseInstant(text)));
    case 'list':
      return `[${node.kind === 'list' ? node.items.map((item) => canonicalValue(type.element, item)).join(',') : ''}]`;
    case 'map':
      return mapText(type.value, node);
    case 'struct': {
      const members = node.kind === 'object' ? node.members : new Map<string, JsonNode>();
      return objectText(
        type.fields,
        type.fields.map((part) => canonicalValue(part, members.get(part.name))),
      );
    }
    default:
      return JSON.stringify(text);
  }
}

function mapText(value: FieldSpec, node: JsonNode): string {
  const entries = node.kind === 'object' ? [...node.members] : [];
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalValue(value, item)}`).join(',')}}`;
}
