import { MillraceError } from '../core/errors.ts';
import type { NamedField } from '../core/field-types.ts';
import { type JsonNode, parseJson } from '../core/json-node.ts';
import {
  type FieldHistory,
  fieldHistory,
  insideHistory,
  partHistories,
  storedField,
} from '../plan/field-history.ts';
import type { SchemaVersion } from '../stream/stream-store.ts';

/** A field of today, and what it was in each schema that had it. */
interface KnownField {
  readonly field: NamedField;
  readonly histories: readonly FieldHistory<NamedField>[];
}

type Members = ReadonlyMap<string, JsonNode>;

/**
 * A record that was sent under former names of fields, with those of today; the very text where it has none, or
 * where it is no JSON.
 */
export function withNamesOfToday(
  text: string,
  fields: readonly NamedField[],
  schemas: readonly SchemaVersion[],
): string {
  let node: JsonNode;
  try {
    node = parseJson(text);
  } catch (error) {
    // It is refused again, with its reason.
    if (error instanceof MillraceError) return text;
    throw error;
  }
  if (node.kind !== 'object') return text;
  const known = fields.map((field) => ({
    field,
    histories: schemas.flatMap(({ version }) => {
      const history = fieldHistory(field, schemas, version);
      return history ? [history] : [];
    }),
  }));
  const before = textOf(node);
  const after = textOf({ kind: 'object', members: renamed(node.members, known) });
  return after === before ? text : after;
}

function renamed(members: Members, known: readonly KnownField[]): Members {
  return new Map(
    [...members].map(([name, node]) => {
      const found = fieldCalled(name, members, known);
      return found ? [found.field.name, inside(node, found.histories)] : [name, node];
    }),
  );
}

function fieldCalled(
  name: string,
  members: Members,
  known: readonly KnownField[],
): KnownField | undefined {
  return (
    known.find(({ field }) => field.name === name) ??
    known.find(
      ({ field, histories }) =>
        !members.has(field.name) && histories.some((one) => storedField(one).name === name),
    )
  );
}

function inside(node: JsonNode, histories: readonly FieldHistory[]): JsonNode {
  const type = histories[0]?.[0].type;
  const of = (part: 'element' | 'value') => histories.map((one) => insideHistory(one, part));
  if (type?.kind === 'list' && node.kind === 'list')
    return { kind: 'list', items: node.items.map((item) => inside(item, of('element'))) };
  if (type?.kind === 'map' && node.kind === 'object') {
    const entries = [...node.members].map(
      ([key, item]) => [key, inside(item, of('value'))] as const,
    );
    return { kind: 'object', members: new Map(entries) };
  }
  if (type?.kind !== 'struct' || node.kind !== 'object') return node;
  const parts = histories.map(partHistories);
  const known = type.fields.map((field, index) => ({
    field,
    histories: parts.flatMap((one) => {
      const own = one[index]?.history;
      return own ? [own] : [];
    }),
  }));
  return { kind: 'object', members: renamed(node.members, known) };
}

function textOf(node: JsonNode): string {
  switch (node.kind) {
    case 'string':
    case 'boolean':
      return JSON.stringify(node.value);
    case 'number':
      return node.text;
    case 'null':
      return 'null';
    case 'list':
      return `[${node.items.map(textOf).join(',')}]`;
    case 'object':
      return `{${[...node.members].map(([name, value]) => `${JSON.stringify(name)}:${textOf(value)}`).join(',')}}`;
  }
}
