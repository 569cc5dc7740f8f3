import { crc32 } from 'node:zlib';
import type { NamedField } from '../../core/field-types.ts';
import { type JsonNode, parseJson } from '../../core/json-node.ts';
import { canonicalField, canonicalValue } from '../../ingest/canonical-row.ts';

/**
 * What the entries of a lookup look like. Fields can be added and widened while entries stay as they
 * were written: each carries the number of its shape, and one of another shape is brought to today's.
 */
export interface RowShape {
  readonly number: number;
  /** Entries are canonical already: nothing is converted or defaulted again. */
  readonly fields: readonly NamedField[];
}

export function shapeOf(fields: readonly NamedField[]): RowShape {
  const plain = fields.map((field) => ({ name: field.name, ...canonicalField(field) }));
  return {
    number: crc32(JSON.stringify(plain.map(({ name, type }) => [name, type]))),
    fields: plain,
  };
}

/** A row written in another shape with today's fields: null where it has no value, as in SQL. */
export function inShape(json: string, { fields }: RowShape): string {
  const node = parseJson(json);
  const members = node.kind === 'object' ? node.members : new Map<string, JsonNode>();
  const parts = fields.map(
    (field) => `${JSON.stringify(field.name)}:${shapedValue(field, members.get(field.name))}`,
  );
  return `{${parts.join(',')}}`;
}

/** A value that does not fit its field any more (a breaking change that was accepted) is null, as in SQL. */
function shapedValue(field: NamedField, node: JsonNode | undefined): string {
  try {
    const text = canonicalValue(field, node);
    JSON.parse(text);
    return text;
  } catch {
    // The text of another type is no number, date or instant of this one.
    return 'null';
  }
}
