import { invariant, MillraceError } from '../../core/errors.ts';
import type { FieldSpec, FieldType, NamedField, PrimitiveKind } from '../../core/field-types.ts';
import { promotes, readsAs } from '../../plan/field-history.ts';
import { quoteIdentifier } from '../../plan/render-sql.ts';
import { duckdbType } from '../../plan/type-mapping.ts';
import {
  currentSchema,
  type IcebergField,
  type IcebergSchema,
  type IcebergType,
  schemaOf,
  type TableMetadata,
} from './metadata.ts';

/** Our fields as an Iceberg schema: every part has an id that stays its own for the table's life. */

/**
 * Which part of a definition is which part of the table: id and type as the definition had them, by path. Other programs may rename and widen columns; the id stays.
 */
export type FieldMap = { readonly [path: string]: { readonly id: number; readonly type: string } };

/** Between the names of a path: results of models may have any other character in a name. */
const SEPARATOR = '\u001f';
const joined = (path: string, name: string): string =>
  path === '' ? name : `${path}${SEPARATOR}${name}`;

/** Nothing was stored below it. */
const NOWHERE = SEPARATOR;

export const FIELDS_PROPERTY = 'millrace.fields';

/** Of tables that were made before there was a map: their names are the definition's. */
export function fieldMap(
  schema: IcebergSchema,
  properties: { readonly [name: string]: string },
): FieldMap {
  const stored = properties[FIELDS_PROPERTY];
  if (stored !== undefined) return JSON.parse(stored) as FieldMap;
  return Object.fromEntries(
    [...partsOf(schema.fields)].map(([path, { id, type }]) => [path, { id, type: kindOf(type) }]),
  );
}

export interface EvolvedSchema {
  readonly schema: IcebergSchema;
  readonly lastColumnId: number;
  readonly map: FieldMap;
}

interface Stored {
  readonly schema: IcebergSchema;
  readonly map: FieldMap;
  readonly lastColumnId: number;
}

/**
 * The schema for `fields`, taking over the ids of what is stored; `schema-id` is the next one.
 * @param reserved names that only the column with this id may have
 */
export function evolveSchema(
  fields: readonly NamedField[],
  stored: Stored | undefined,
  reserved: ReadonlyMap<string, number> = new Map(),
): EvolvedSchema {
  const evolution = new Evolution(stored, reserved);
  return {
    schema: {
      type: 'struct',
      'schema-id': (stored?.schema['schema-id'] ?? -1) + 1,
      fields: evolution.fields(fields, '', '', stored?.schema.fields ?? []),
    },
    lastColumnId: evolution.last,
    map: evolution.map,
  };
}

class Evolution {
  last: number;
  readonly map: { [path: string]: { id: number; type: string } } = {};
  readonly #stored: Stored | undefined;
  readonly #reserved: ReadonlyMap<string, number>;
  readonly #parts: ReadonlyMap<number, IcebergPart>;
  readonly #defined: ReadonlySet<number>;

  constructor(stored: Stored | undefined, reserved: ReadonlyMap<string, number>) {
    this.#stored = stored;
    this.#reserved = reserved;
    this.last = stored?.lastColumnId ?? 0;
    const parts = stored ? [...partsOf(stored.schema.fields).values()] : [];
    this.#parts = new Map(parts.map((part) => [part.id, part]));
    this.#defined = new Set(Object.values(stored?.map ?? {}).map(({ id }) => id));
  }

  /** `was`: the path of the parent in the definition that was stored. */
  fields(
    fields: readonly NamedField[],
    path: string,
    was: string,
    siblings: readonly IcebergField[],
  ): IcebergField[] {
    // Ids of one level come first and in order, as other writers do.
    const own = fields.map((field) =>
      this.#part(field, joined(path, field.name), wasNames(field, was)),
    );
    const names = new Set(own.map(({ name }) => name));
    const defined = fields.map((field, index): IcebergField => {
      const { id, name, known, was: before } = own[index] as OwnPart;
      // A name that another program gave makes way for one of the definition.
      const isTaken = name !== field.name && fields.some((other) => other.name === name);
      return {
        id,
        name:
          path === ''
            ? this.#freeName(isTaken ? field.name : name, id)
            : isTaken
              ? field.name
              : name,
        // A part of a nested value is never required: PyIceberg refuses an optional struct with one where the struct is null.
        required:
          path === '' && !field.optional && (known ? known.required : this.#stored === undefined),
        type: this.#type(field.type, joined(path, field.name), before, known?.type),
        ...(field.description === undefined ? {} : { doc: field.description }),
      };
    });
    // Columns that other programs added stay.
    const added = siblings.filter(({ id, name }) => !this.#defined.has(id) && !names.has(name));
    return [...defined, ...added.map((field) => ({ ...field, required: false }))];
  }

  #freeName(name: string, id: number): string {
    const owner = this.#reserved.get(name);
    return owner === undefined || owner === id ? name : `${name}_${id}`;
  }

  #part(field: NamedField, path: string, was: readonly string[]): OwnPart {
    const before = was.find((candidate) => this.#stored?.map[candidate] !== undefined);
    const entry = before === undefined ? undefined : this.#stored?.map[before];
    const known = entry && this.#parts.get(entry.id);
    const type = kindOfField(field.type);
    if (!known || !this.#fits(field.type, before as string)) {
      this.last += 1;
      this.map[path] = { id: this.last, type };
      return { id: this.last, name: field.name, known: undefined, was: NOWHERE };
    }
    this.map[path] = { id: known.id, type };
    // Where the definition kept its name, the name is another program's to choose.
    const name = before === path ? (known.name ?? field.name) : field.name;
    return { id: known.id, name, known, was: before as string };
  }

  /** Whether the stored part at `path` keeps its id: what is inside a list or map is a part of its values. */
  #fits(type: FieldType, path: string): boolean {
    const entry = this.#stored?.map[path];
    const known = entry && this.#parts.get(entry.id);
    if (!known) return false;
    if (type.kind === 'list')
      return (
        kindOf(known.type) === 'list' && this.#fits(type.element.type, joined(path, 'element'))
      );
    if (type.kind === 'map')
      return (
        kindOf(known.type) === 'map' &&
        this.#stored?.map[joined(path, 'key')]?.type === kindOfField(type.key.type) &&
        this.#fits(type.value.type, joined(path, 'value'))
      );
    if (type.kind === 'struct') return kindOf(known.type) === 'struct';
    return entry.type === kindOfField(type) || typeFits(known.type, type);
  }

  /** What is inside a list or map has one name for ever. */
  #inner(part: string, spec: FieldSpec, path: string, was: string): OwnPart {
    return this.#part({ name: part, ...spec }, joined(path, part), [joined(was, part)]);
  }

  #type(type: FieldType, path: string, was: string, stored: IcebergType | undefined): IcebergType {
    const nested = typeof stored === 'object' ? stored : undefined;
    switch (type.kind) {
      case 'list': {
        const element = this.#inner('element', type.element, path, was);
        const inside = nested?.type === 'list' ? nested.element : undefined;
        return {
          type: 'list',
          'element-id': element.id,
          element: this.#type(
            type.element.type,
            joined(path, 'element'),
            joined(was, 'element'),
            inside,
          ),
          'element-required': false,
        };
      }
      case 'map': {
        const key = this.#inner('key', type.key, path, was);
        const value = this.#inner('value', type.value, path, was);
        const inside = nested?.type === 'map' ? nested : undefined;
        return {
          type: 'map',
          'key-id': key.id,
          key: this.#type(type.key.type, joined(path, 'key'), joined(was, 'key'), inside?.key),
          'value-id': value.id,
          value: this.#type(
            type.value.type,
            joined(path, 'value'),
            joined(was, 'value'),
            inside?.value,
          ),
          'value-required': false,
        };
      }
      case 'struct': {
        const siblings = nested?.type === 'struct' ? nested.fields : [];
        return { type: 'struct', fields: this.fields(type.fields, path, was, siblings) };
      }
      default: {
        const own = type.kind === 'decimal' ? decimalText(type) : type.kind;
        // Another program widened it, and its files have the wider values.
        return typeof stored === 'string' && promotes(type, primitiveType(stored)) ? stored : own;
      }
    }
  }
}

interface OwnPart {
  readonly id: number;
  readonly name: string;
  readonly known: IcebergPart | undefined;
  readonly was: string;
}

const wasNames = ({ name, renamedFrom }: NamedField, was: string): string[] =>
  [name, ...(renamedFrom === undefined ? [] : [renamedFrom])].map((one) => joined(was, one));

const decimalText = ({ precision, scale }: { precision: number; scale: number }): string =>
  `decimal(${precision}, ${scale})`;
const kindOf = (type: IcebergType): string => (typeof type === 'string' ? type : type.type);
const kindOfField = (type: FieldType): string =>
  type.kind === 'decimal' ? decimalText(type) : type.kind;

interface IcebergPart {
  readonly id: number;
  readonly name?: string;
  readonly type: IcebergType;
  readonly required: boolean;
}

/** All parts of fields, by path. */
export function partsOf(fields: readonly IcebergField[]): Map<string, IcebergPart> {
  const parts = new Map<string, IcebergPart>();
  const visit = (path: string, part: IcebergPart): void => {
    const { type } = part;
    parts.set(path, part);
    if (typeof type === 'string') return;
    if (type.type === 'struct')
      for (const field of type.fields) visit(joined(path, field.name), field);
    if (type.type === 'list')
      visit(joined(path, 'element'), {
        id: type['element-id'],
        type: type.element,
        required: type['element-required'],
      });
    if (type.type === 'map') {
      visit(joined(path, 'key'), { id: type['key-id'], type: type.key, required: true });
      visit(joined(path, 'value'), {
        id: type['value-id'],
        type: type.value,
        required: type['value-required'],
      });
    }
  };
  for (const field of fields) visit(field.name, field);
  return parts;
}

/** The fields of a table as the definition calls them, without what other programs added. */
export function definedFields(schema: IcebergSchema, map: FieldMap): IcebergField[] {
  const names = new Map(
    Object.entries(map).map(([path, { id }]) => [id, path.slice(path.lastIndexOf(SEPARATOR) + 1)]),
  );
  const visit = (fields: readonly IcebergField[]): IcebergField[] =>
    fields.flatMap((field) => {
      const name = names.get(field.id);
      return name === undefined ? [] : [{ ...field, name, type: inside(field.type) }];
    });
  const inside = (type: IcebergType): IcebergType => {
    if (typeof type === 'string') return type;
    if (type.type === 'struct') return { ...type, fields: visit(type.fields) };
    if (type.type === 'list') return { ...type, element: inside(type.element) };
    return { ...type, key: inside(type.key), value: inside(type.value) };
  };
  return visit(schema.fields);
}

/** The columns as our definition calls them; of a table that is none of ours all, as they are called. */
export function fieldsOf(metadata: TableMetadata, schemaId: number): IcebergField[] {
  const schema = schemaOf(metadata, schemaId) ?? currentSchema(metadata);
  if (metadata.properties[FIELDS_PROPERTY] === undefined) return [...schema.fields];
  return definedFields(schema, fieldMap(schema, metadata.properties));
}

/**
 * Columns inside of which a part was renamed, or a name was given to another part: the engine reads nested
 * parts by their names in the file, which are then not those of today.
 */
export function reshapedColumns(
  columns: readonly IcebergField[],
  schemas: readonly IcebergSchema[],
): number[] {
  const known = [columns, ...schemas.map((schema) => schema.fields)].flatMap((fields) =>
    [...partsOf(fields).values()].flatMap(({ id, type }) =>
      typeof type === 'object' && type.type === 'struct'
        ? type.fields.map((field) => ({ parent: id, id: field.id, name: field.name }))
        : [],
    ),
  );
  const names = new Map<number, string>();
  const ids = new Map<string, number>();
  const reshaped = new Set<number>();
  for (const { parent, id, name } of known) {
    const place = `${parent}.${name.toLowerCase()}`;
    if ((names.get(id) ?? name) !== name || (ids.get(place) ?? id) !== id) reshaped.add(parent);
    names.set(id, name);
    ids.set(place, id);
  }
  return columns
    .filter((column) => [...partsOf([column]).values()].some(({ id }) => reshaped.has(id)))
    .map(({ id }) => id);
}

const typeFits = (stored: IcebergType, type: FieldType): boolean =>
  typeof stored === 'string' && readsAs(primitiveType(stored), type);

/** True for the same type, and for one that all its values fit in. */
export function widensTo(from: IcebergType, to: IcebergType): boolean {
  if (typeof from !== 'string' || typeof to !== 'string') return kindOf(from) === kindOf(to);
  return from === to || promotes(primitiveType(from), primitiveType(to));
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

const KNOWN: { readonly [kind in PrimitiveKind]: true } = {
  boolean: true,
  int: true,
  long: true,
  float: true,
  double: true,
  string: true,
  uuid: true,
  binary: true,
  date: true,
  timestamp: true,
  timestamptz: true,
};

const OTHER_TYPES: { readonly [type: string]: string } = {
  time: 'TIME',
  timestamp_ns: 'TIMESTAMP_NS',
  timestamptz_ns: 'TIMESTAMPTZ',
};

/**
 * The DuckDB type of any Iceberg type, those of other writers too.
 * @throws MillraceError MR_TABLE_UNSUPPORTED
 */
export function duckdbTypeOf(type: IcebergType): string {
  if (typeof type === 'object') {
    if (type.type === 'list') return `${duckdbTypeOf(type.element)}[]`;
    if (type.type === 'map') return `MAP(${duckdbTypeOf(type.key)}, ${duckdbTypeOf(type.value)})`;
    const parts = type.fields.map(
      (field) => `${quoteIdentifier(field.name)} ${duckdbTypeOf(field.type)}`,
    );
    return `STRUCT(${parts.join(', ')})`;
  }
  if (OTHER_TYPES[type] !== undefined) return OTHER_TYPES[type];
  if (type.startsWith('fixed')) return 'BLOB';
  const field = primitiveType(type);
  if (field.kind !== 'decimal' && !(field.kind in KNOWN))
    throw new MillraceError(
      'MR_TABLE_UNSUPPORTED',
      `A column has the Iceberg type ${type}, which SQL cannot read here yet.`,
    );
  return duckdbType(field);
}

/** A leaf of a schema: what statistics and bounds are kept for. */
export interface Leaf {
  readonly id: number;
  readonly type: string;
}

/** Leaves by the quoted path that DuckDB's RETURN_STATS uses: `"st"."x"`, `"li"."element"`. */
export function leavesByPath(fields: readonly IcebergField[]): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  for (const [path, part] of partsOf(fields)) {
    if (typeof part.type !== 'string') continue;
    leaves.set(path.split(SEPARATOR).map(quoteIdentifier).join('.'), {
      id: part.id,
      type: part.type,
    });
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

export function fieldNamed(fields: readonly IcebergField[], name: string): IcebergField {
  const found = fields.find((field) => field.name === name);
  invariant(found, `the table has no column '${name}'`);
  return found;
}

/** The type of the part with this id, at any depth. */
export function typeOfPart(fields: readonly IcebergField[], id: number): IcebergType | undefined {
  for (const part of partsOf(fields).values()) if (part.id === id) return part.type;
  return undefined;
}
