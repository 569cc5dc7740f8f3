import {
  type FieldSpec,
  type FieldType,
  type JsonValue,
  type NamedField,
  typeText,
} from '../core/field-types.ts';
import { quoteIdentifier } from './render-sql.ts';

/** The one place that says what a field is in DuckDB, TypeScript and JSON Schema. Iceberg's side is lake/iceberg/schema.ts. */

const DUCKDB = {
  boolean: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  string: 'VARCHAR',
  uuid: 'UUID',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  timestamptz: 'TIMESTAMPTZ',
} as const;

export function duckdbType(type: FieldType): string {
  switch (type.kind) {
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`;
    case 'list':
      return `${duckdbType(type.element.type)}[]`;
    case 'map':
      return `MAP(${duckdbType(type.key.type)}, ${duckdbType(type.value.type)})`;
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${quoteIdentifier(field.name)} ${duckdbType(field.type)}`).join(', ')})`;
    default:
      return DUCKDB[type.kind];
  }
}

const TYPESCRIPT = {
  boolean: 'boolean',
  int: 'number',
  long: 'bigint',
  float: 'number',
  double: 'number',
  string: 'string',
  uuid: 'string',
  binary: 'Uint8Array',
  date: 'string',
  timestamp: 'string',
  timestamptz: 'Date',
} as const;

/** Of values as SQL's JSON has them: what JavaScript would round is a text there. */
const FLOATS = "number | 'NaN' | 'Infinity' | '-Infinity'";
const JSON_TYPESCRIPT: Names = {
  ...{ boolean: 'boolean', int: 'number', long: 'string' },
  ...{ float: FLOATS, double: FLOATS, string: 'string', uuid: 'string' },
  ...{ binary: 'string', date: 'string', timestamp: 'string', timestamptz: 'string' },
};

type Names = { readonly [kind in keyof typeof TYPESCRIPT]: string };

function typescriptOf(names: Names, { type, optional }: FieldSpec): string {
  const part = (inner: FieldSpec) => typescriptOf(names, inner);
  const value = (): string => {
    switch (type.kind) {
      case 'decimal':
        return 'string';
      case 'list':
        return `(${part(type.element)})[]`;
      case 'map':
        return `Record<string, ${part(type.value)}>`;
      case 'struct':
        return `{ ${type.fields.map((field) => `${JSON.stringify(field.name)}: ${part(field)}`).join('; ')} }`;
      default:
        return names[type.kind];
    }
  };
  return optional ? `${value()} | null` : value();
}

/** The type of a field's value in a row. */
export const typescriptValue = (field: FieldSpec): string => typescriptOf(TYPESCRIPT, field);

/** The type of a column's value in the JSON of a result. */
export const jsonTypescript = (field: FieldSpec): string => typescriptOf(JSON_TYPESCRIPT, field);

export type JsonSchema = { readonly [key: string]: JsonValue };

/** A value that is no number is sent and shown as text. */
const FLOATING: JsonSchema = { type: ['number', 'string'], pattern: '^(NaN|-?Infinity)$' };

const JSON_SCHEMA: { readonly [kind: string]: JsonSchema } = {
  boolean: { type: 'boolean' },
  int: { type: 'integer', minimum: -2147483648, maximum: 2147483647 },
  long: { type: ['integer', 'string'], format: 'int64' },
  float: { ...FLOATING, format: 'float' },
  double: { ...FLOATING, format: 'double' },
  decimal: { type: ['string', 'number'] },
  string: { type: 'string' },
  uuid: { type: 'string', format: 'uuid' },
  binary: { type: 'string', contentEncoding: 'base64' },
  date: { type: 'string', format: 'date' },
  timestamp: { type: 'string', description: 'YYYY-MM-DDTHH:MM:SS[.ffffff], no offset' },
  timestamptz: { type: 'string', format: 'date-time' },
};

type Unknown = 'refuse' | 'drop' | 'keep';

/** What a producer may send for the field, as JSON Schema (2020-12, for OpenAPI 3.1). */
export function jsonSchema(field: FieldSpec, unknown: Unknown = 'refuse'): JsonSchema {
  const schema = {
    ...typeSchema(field, unknown),
    ...(field.description === undefined ? {} : { description: field.description }),
    ...(field.oneOf ? { enum: allowedValues(field.oneOf, field) } : {}),
    ...(field.default === undefined ? {} : { default: field.default }),
    ...ruleSchema(field),
  };
  return field.optional ? orNull(schema) : schema;
}

function orNull(schema: JsonSchema): JsonSchema {
  const { type, enum: allowed } = schema;
  return {
    ...schema,
    type: [...([type].flat() as string[]), 'null'],
    ...(Array.isArray(allowed) ? { enum: [...allowed, null] } : {}),
  };
}

/** Where a number may be sent as its text, either is one of the values. */
function allowedValues(oneOf: readonly (string | number)[], field: FieldSpec): JsonValue[] {
  if (field.type.kind !== 'long' && field.from !== 'integer-text') return [...oneOf];
  return oneOf.flatMap((value) =>
    Number.isSafeInteger(Number(value)) ? [String(value), Number(value)] : [value],
  );
}

function typeSchema(field: FieldSpec, unknown: Unknown): JsonSchema {
  const { type } = field;
  if (field.from === 'epoch-seconds' || field.from === 'epoch-milliseconds')
    return { type: 'number', description: field.from };
  if (field.from === 'integer-text') return { type: ['string', 'number'] };
  switch (type.kind) {
    case 'list':
      return { type: 'array', items: jsonSchema(type.element, unknown) };
    case 'map':
      return { type: 'object', additionalProperties: jsonSchema(type.value, unknown) };
    case 'struct':
      // Only members of the record itself can be kept.
      return recordSchema(type.fields, unknown === 'drop' ? 'drop' : 'refuse');
    case 'decimal':
      return { ...JSON_SCHEMA.decimal, description: typeText(type) };
    default:
      return JSON_SCHEMA[type.kind] as JsonSchema;
  }
}

function ruleSchema(field: FieldSpec): JsonSchema {
  const { kind } = field.type;
  const rules: Record<string, JsonValue> = {};
  if (field.pattern !== undefined) rules.pattern = `^(?:${field.pattern})$`;
  if (kind === 'string') {
    if (field.min !== undefined) rules.minLength = field.min;
    if (field.max !== undefined) rules.maxLength = field.max;
  } else if (kind === 'int' || kind === 'float' || kind === 'double') {
    if (field.min !== undefined) rules.minimum = field.min;
    if (field.max !== undefined) rules.maximum = field.max;
  }
  return rules;
}

/** The schema of an object with these fields. */
export function recordSchema(
  fields: readonly NamedField[],
  unknown: Unknown = 'refuse',
): JsonSchema {
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.name, jsonSchema(field, unknown)])),
    required: fields.filter((field) => !field.optional).map((field) => field.name),
    additionalProperties: unknown !== 'refuse',
  };
}

/** The schema of a row as answers have it: every field, in its one form; rules may be younger than the row. */
export function rowSchema(fields: readonly NamedField[]): JsonSchema {
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.name, valueSchema(field)])),
    required: fields.map((field) => field.name),
    additionalProperties: false,
  };
}

function valueSchema(field: FieldSpec): JsonSchema {
  const { description } = field;
  const schema = { ...shownAs(field.type), ...(description === undefined ? {} : { description }) };
  return field.optional ? orNull(schema) : schema;
}

function shownAs(type: FieldType): JsonSchema {
  switch (type.kind) {
    case 'list':
      return { type: 'array', items: valueSchema(type.element) };
    case 'map':
      return { type: 'object', additionalProperties: valueSchema(type.value) };
    case 'struct':
      return rowSchema(type.fields);
    case 'long':
      return { type: 'string', format: 'int64' };
    case 'decimal':
      return { type: 'string', description: typeText(type) };
    default:
      return JSON_SCHEMA[type.kind] as JsonSchema;
  }
}
