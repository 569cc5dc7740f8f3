import type { JsonValue } from '../core/field-types.ts';
import { invalidDefinition } from './invalid.ts';

/** A value a `sql` template may refer to: a definition that has rows, or one field of it. */
export interface SqlReference {
  readonly kind: 'stream' | 'model' | 'lookup';
  readonly name: string;
}

/** `sales.fields.country`: a quoted column in SQL, a column in dashboards. */
export interface FieldReference<Value = unknown, Name extends string = string> {
  readonly kind: 'field-reference';
  readonly of: string;
  readonly field: Name;
  readonly _value?: Value;
}

/** In the SQL of an endpoint, the value that its caller gives. */
export interface EndpointParameter<Name extends string = string> {
  readonly kind: 'endpoint-parameter';
  readonly name: Name;
}

export type SqlPart =
  | { readonly text: string }
  | { readonly argument: string }
  | { readonly table: string; readonly kind: SqlReference['kind'] }
  | { readonly column: string; readonly of: string }
  | { readonly parameter: JsonValue };

/** SQL with references kept apart from text, so that lineage and quoting never parse strings. */
export interface Sql {
  readonly kind: 'sql';
  readonly parts: readonly SqlPart[];
}

export type SqlValue =
  | SqlReference
  | FieldReference
  | EndpointParameter
  | Sql
  | string
  | number
  | bigint
  | boolean
  | Date
  | null;

/** `sql\`select count(*) from ${sales} where country = ${'France'}\`` */
export function sql(strings: TemplateStringsArray, ...values: SqlValue[]): Sql {
  const parts: SqlPart[] = [];
  strings.forEach((text, index) => {
    if (text !== '') parts.push({ text });
    if (index < values.length) parts.push(...partsOf(values[index] as SqlValue));
  });
  return Object.freeze({ kind: 'sql', parts: Object.freeze(parts) });
}

function partsOf(value: SqlValue): readonly SqlPart[] {
  if (value === null || typeof value === 'string' || typeof value === 'boolean')
    return [{ parameter: value }];
  if (typeof value === 'number' && Number.isFinite(value)) return [{ parameter: value }];
  if (typeof value === 'bigint') return [{ parameter: value.toString() }];
  if (value instanceof Date) return [{ parameter: value.toISOString() }];
  if (typeof value === 'object' && value !== null) {
    if (value.kind === 'sql') return value.parts;
    if (value.kind === 'field-reference') return [{ column: value.field, of: value.of }];
    if (value.kind === 'endpoint-parameter') return [{ argument: value.name }];
    if (value.kind === 'stream' || value.kind === 'model' || value.kind === 'lookup')
      return [{ table: value.name, kind: value.kind }];
  }
  throw invalidDefinition(
    'sql`…`',
    `\${…} must be a stream, a model, a field of one, or a plain value; got ${describe(value)}.`,
  );
}

function describe(value: unknown): string {
  return value === undefined ? 'undefined (is the definition above this line?)' : typeof value;
}
