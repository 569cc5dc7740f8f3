import { invariant } from '../../core/errors.ts';
import type { FieldSpec, FieldType, NamedField } from '../../core/field-types.ts';
import { readsAs } from '../../plan/diff.ts';
import { quoteIdentifier } from '../../plan/render-sql.ts';
import type { IcebergField, IcebergSchema, IcebergType } from './metadata.ts';

/** Our fields as an Iceberg schema: every part has an id that stays its own for the table's life. */

/** The id of each part, by path: a part keeps its id while its name and kind fit what was stored. */
interface KnownPart {
  readonly id: number;
  readonly type: IcebergType;
}

class IdSource {
  last: number;
  readonly #known: ReadonlyMap<string, KnownPart>;

  constructor(last: number, known: ReadonlyMap<string, KnownPart>) {
    this.last = last;
    this.#known = known;
  }

  /** The old id where the stored values still fit, else a new one: old values are then not shown. */
  of(path: string, fits: (stored: IcebergType) => boolean): number {
    const known = this.#known.get(path);
    if (known && fits(known.type)) return known.id;
    this.last += 1;
    return this.last;
  }
}

/** The schema for `fields`, taking over the ids of `previous`; `schema-id` is the next one. */
export function evolveSchema(
  fields: readonly NamedField[],
  previous: IcebergSchema | undefined,
  lastColumnId: number,
): { schema: IcebergSchema; lastColumnId: number } {
  const ids = new IdSource(lastColumnId, previous ? partsOf(previous.fields, '') : new Map());
  // Ids of the top level come first and in order, as other writers do.
  const top = fields.map((field) => ids.of(field.name, (stored) => typeFits(stored, field.type)));
  const schema: IcebergSchema = {
    type: 'struct',
    'schema-id': (previous?.['schema-id'] ?? -1) + 1,
    fields: fields.map((field, index) =>
      icebergField(field, top[index] as number, field.name, ids),
    ),
  };
  return { schema, lastColumnId: ids.last };
}

function partsOf(fields: readonly IcebergField[], prefix: string): Map<string, KnownPart> {
  const parts = new Map<string, KnownPart>();
  const visit = (path: string, id: number, type: IcebergType): void => {
    parts.set(path, { id, type });
    if (typeof type === 'string') return;
    if (type.type === 'struct')
      for (const field of type.fields) visit(`${path}.${field.name}`, field.id, field.type);
    if (type.type === 'list') visit(`${path}.element`, type['element-id'], type.element);
    if (type.type === 'map') {
      visit(`${path}.key`, type['key-id'], type.key);
      visit(`${path}.value`, type['value-id'], type.value);
    }
  };
  for (const field of fields) visit(`${prefix}${field.name}`, field.id, field.type);
  return parts;
}

function icebergField(field: NamedField, id: number, path: string, ids: IdSource): IcebergField {
  return {
    id,
    name: field.name,
    required: !field.optional,
    type: icebergType(field.type, path, ids),
    ...(field.description === undefined ? {} : { doc: field.description }),
  };
}

/**
 * A part of a nested value is never required: DuckDB writes Parquet columns as optional, and PyIceberg
 * refuses an optional struct with a required part where the struct is null.
 */
function partField(field: NamedField, id: number, path: string, ids: IdSource): IcebergField {
  return { ...icebergField(field, id, path, ids), required: false };
}

function icebergType(type: FieldType, path: string, ids: IdSource): IcebergType {
  const idOf = (part: string, spec: FieldSpec) =>
    ids.of(`${path}.${part}`, (stored) => typeFits(stored, spec.type));
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`;
    case 'list': {
      const id = idOf('element', type.element);
      return {
        type: 'list',
        'element-id': id,
        element: icebergType(type.element.type, `${path}.element`, ids),
        'element-required': false,
      };
    }
    case 'map': {
      const [key, value] = [idOf('key', type.key), idOf('value', type.value)];
      return {
        type: 'map',
        'key-id': key,
        key: icebergType(type.key.type, `${path}.key`, ids),
        'value-id': value,
        value: icebergType(type.value.type, `${path}.value`, ids),
        'value-required': false,
      };
    }
    case 'struct': {
      const parts = type.fields.map((field) => idOf(field.name, field));
      return {
        type: 'struct',
        fields: type.fields.map((field, index) =>
          partField(field, parts[index] as number, `${path}.${field.name}`, ids),
        ),
      };
    }
    default:
      return type.kind;
  }
}

function typeFits(stored: IcebergType, type: FieldType): boolean {
  if (typeof stored !== 'string') return stored.type === type.kind;
  if (type.kind === 'list' || type.kind === 'map' || type.kind === 'struct') return false;
  return readsAs(primitiveType(stored), type);
}

/** The field type of an Iceberg primitive. */
function primitiveType(text: string): FieldType {
  const decimal = /^decimal\((\d+),\s*(\d+)\)$/.exec(text);
  if (decimal) return { kind: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) };
  return { kind: text } as FieldType;
}

/** The field type of any Iceberg type. */
export function fieldTypeOfIceberg(type: IcebergType): FieldType {
  if (typeof type === 'string') return primitiveType(type);
  switch (type.type) {
    case 'list':
      return {
        kind: 'list',
        element: { type: fieldTypeOfIceberg(type.element), optional: !type['element-required'] },
      };
    case 'map':
      return {
        kind: 'map',
        key: { type: fieldTypeOfIceberg(type.key), optional: false },
        value: { type: fieldTypeOfIceberg(type.value), optional: !type['value-required'] },
      };
    case 'struct':
      return {
        kind: 'struct',
        fields: type.fields.map((field) => ({
          name: field.name,
          type: fieldTypeOfIceberg(field.type),
          optional: !field.required,
        })),
      };
  }
}

/** A leaf of a schema: what statistics and bounds are kept for. */
export interface Leaf {
  readonly id: number;
  readonly type: string;
}

/** Leaves by the quoted path that DuckDB's RETURN_STATS uses: `"st"."x"`, `"li"."element"`. */
export function leavesByPath(schema: IcebergSchema): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  for (const [path, part] of partsOf(schema.fields, '')) {
    if (typeof part.type !== 'string') continue;
    leaves.set(path.split('.').map(quoteIdentifier).join('.'), { id: part.id, type: part.type });
  }
  return leaves;
}

/** What DuckDB's FIELD_IDS wants for a column: `3`, or `{__duckdb_field_id: 3, x: 4}`. */
export function fieldIds(id: number, type: IcebergType): string {
  if (typeof type === 'string') return String(id);
  const parts =
    type.type === 'struct'
      ? type.fields.map(
          (field) => `${quoteIdentifier(field.name)}: ${fieldIds(field.id, field.type)}`,
        )
      : type.type === 'list'
        ? [`element: ${fieldIds(type['element-id'], type.element)}`]
        : [
            `key: ${fieldIds(type['key-id'], type.key)}`,
            `value: ${fieldIds(type['value-id'], type.value)}`,
          ];
  return `{__duckdb_field_id: ${id}, ${parts.join(', ')}}`;
}

export function fieldNamed(schema: IcebergSchema, name: string): IcebergField {
  const found = schema.fields.find((field) => field.name === name);
  invariant(found, `the table has no column '${name}'`);
  return found;
}
