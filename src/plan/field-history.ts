import type { FieldSpec, FieldType, NamedField } from '../core/field-types.ts';

/**
 * What a field was in earlier schemas of its stream: schema by schema, as the lake's table evolves, so that a
 * record reads the same whether it was delivered before a change or waits for its delivery still.
 */

/** The field of today first, what it was when a record was stored last. */
export type FieldHistory<F extends FieldSpec = FieldSpec> = readonly [F, ...F[]];

interface Version {
  readonly version: number;
  readonly fields: readonly NamedField[];
}

/** The one of the same name, else the one it was renamed from. */
export function formerField(
  field: NamedField,
  before: readonly NamedField[],
): NamedField | undefined {
  return (
    before.find(({ name }) => name === field.name) ??
    before.find(({ name }) => name === field.renamedFrom)
  );
}

/**
 * Undefined where the field was not there yet, or of a type whose values are none of today's.
 * @param schemas of the stream, the oldest first
 */
export function fieldHistory(
  field: NamedField,
  schemas: readonly Version[],
  version: number,
): FieldHistory<NamedField> | undefined {
  const levels = schemas.filter((schema) => schema.version >= version).map(({ fields }) => fields);
  return historyIn(field, levels.reverse());
}

/** @param levels fields beside it, from one schema to the one before */
function historyIn(
  field: NamedField,
  levels: readonly (readonly NamedField[])[],
): FieldHistory<NamedField> | undefined {
  const history: [NamedField, ...NamedField[]] = [field];
  let last = field;
  for (const level of levels) {
    const was = formerField(last, level);
    if (!was || !readsAs(was.type, last.type)) return undefined;
    history.push(was);
    last = was;
  }
  return history;
}

/** Each part of a struct of today with its history. */
export function partHistories(
  history: FieldHistory,
): { readonly part: NamedField; readonly history: FieldHistory<NamedField> | undefined }[] {
  const [parts = [], ...earlier] = history.map(({ type }) =>
    type.kind === 'struct' ? type.fields : [],
  );
  return parts.map((part) => ({ part, history: historyIn(part, earlier) }));
}

/** The history of what is inside a list or map. */
export function insideHistory(
  history: FieldHistory,
  part: 'element' | 'key' | 'value',
): FieldHistory {
  return history.map(
    ({ type }) => (type as unknown as { readonly [name: string]: FieldSpec })[part],
  ) as unknown as FieldHistory;
}

export const storedField = <F extends FieldSpec>(history: FieldHistory<F>): F =>
  history.at(-1) as F;

/** True where a stored value is read as it always was. */
export function isUnchanged([today, ...earlier]: FieldHistory): boolean {
  return earlier.every(({ type }) => same(type, today.type));
}

/**
 * Whether stored values of the one type are values of the other. Of structs each part is one or is not: a part
 * that left is not shown, a part that came is null.
 */
export function readsAs(stored: FieldType, type: FieldType): boolean {
  if (stored.kind === 'list' && type.kind === 'list')
    return readsAs(stored.element.type, type.element.type);
  if (stored.kind === 'map' && type.kind === 'map')
    // Iceberg's keys never change.
    return same(stored.key.type, type.key.type) && readsAs(stored.value.type, type.value.type);
  if (stored.kind === 'struct' || type.kind === 'struct') return stored.kind === type.kind;
  return same(stored, type) || promotes(stored, type);
}

const same = (a: FieldType, b: FieldType): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Iceberg's promotions: int → long, float → double, a decimal with more digits before the point. */
export function promotes(before: FieldType, after: FieldType): boolean {
  if (before.kind === 'int' && after.kind === 'long') return true;
  if (before.kind === 'float' && after.kind === 'double') return true;
  return (
    before.kind === 'decimal' &&
    after.kind === 'decimal' &&
    before.scale === after.scale &&
    after.precision > before.precision
  );
}

/**
 * The names that a schema gave to something else than the schema before: entries that were written under other
 * names must be written again.
 */
export function renamesOf(schemas: readonly Version[]): string[] {
  return schemas
    .slice(1)
    .flatMap(({ version, fields }, index) =>
      renamesBetween(schemas[index]?.fields ?? [], fields).map((path) => `${version} ${path}`),
    );
}

function renamesBetween(before: readonly NamedField[], after: readonly NamedField[]): string[] {
  return after.flatMap((field) => {
    const was = formerField(field, before);
    if (!was) return [];
    const own = was.name === field.name ? [] : [`${was.name} ${field.name}`];
    return [...own, ...renamesInside(was.type, field.type).map((path) => `${field.name}.${path}`)];
  });
}

function renamesInside(before: FieldType, after: FieldType): string[] {
  if (before.kind === 'struct' && after.kind === 'struct')
    return renamesBetween(before.fields, after.fields);
  if (before.kind === 'list' && after.kind === 'list')
    return renamesInside(before.element.type, after.element.type);
  if (before.kind === 'map' && after.kind === 'map')
    return renamesInside(before.value.type, after.value.type);
  return [];
}
