import { epochMicros, instantText, parseInstant, timestampText } from '../core/calendar.ts';
import type { FieldSpec, FieldType, NamedField } from '../core/field-types.ts';
import { decimalText, integerText } from '../core/field-values.ts';
import { type JsonNode, parseJson } from '../core/json-node.ts';
import {
  type FieldHistory,
  fieldHistory,
  insideHistory,
  isUnchanged,
  partHistories,
  storedField,
} from '../plan/field-history.ts';
import type { SchemaVersion } from '../stream/stream-store.ts';

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
 * Records stored under an earlier schema as rows of today's fields: with the defaults of their time, and null
 * where they have no value that fits, as in SQL.
 */
export function rowsOfToday(
  today: readonly NamedField[],
  schemas: readonly SchemaVersion[],
  version: number,
): (line: string) => CanonicalRow {
  const histories = today.map((field) => fieldHistory(field, schemas, version));
  return (line) => {
    const members = membersOf(line);
    const values = histories.map((history) => memberOfToday(history, members));
    return { values, json: objectText(today, values) };
  };
}

/** The canonical JSON of a stored member, as today's field shows it; null where its history is of no use. */
export function memberOfToday(
  history: FieldHistory<NamedField> | undefined,
  members: ReadonlyMap<string, JsonNode>,
): string {
  return history ? valueOfToday(history, members.get(storedField(history).name)) : 'null';
}

function valueOfToday(history: FieldHistory, node: JsonNode | undefined): string {
  const was = storedField(history);
  if (isUnchanged(history)) return canonicalValue(was, node);
  if (!node || node.kind === 'null') {
    if (was.default === undefined) return 'null';
    const { from: _from, default: value, ...plain } = was;
    const asStored = [...history.slice(0, -1), plain] as unknown as FieldHistory;
    return valueOfToday(asStored, parseJson(JSON.stringify(value)));
  }
  const [{ type }] = history;
  switch (type.kind) {
    case 'list': {
      const inside = insideHistory(history, 'element');
      const items = node.kind === 'list' ? node.items : [];
      return `[${items.map((item) => valueOfToday(inside, item)).join(',')}]`;
    }
    case 'map': {
      const inside = insideHistory(history, 'value');
      return mapText(node, (item) => valueOfToday(inside, item));
    }
    case 'struct': {
      const members = node.kind === 'object' ? node.members : new Map<string, JsonNode>();
      const values = partHistories(history).map((part) => memberOfToday(part.history, members));
      return objectText(type.fields, values);
    }
    default:
      return canonicalValue({ type, optional: true }, parseJson(canonicalValue(was, node)));
  }
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
      return mapText(node, (item) => canonicalValue(type.value, item));
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

function mapText(node: JsonNode, valueText: (item: JsonNode) => string): string {
  const entries = node.kind === 'object' ? [...node.members] : [];
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${valueText(item)}`).join(',')}}`;
}
