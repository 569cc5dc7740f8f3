import { invariant } from './errors.ts';

/**
 * The field types of a stream: Iceberg's, without `time` (Spark refuses tables that have one).
 * A `FieldSpec` is plain data and goes into the plan as it is.
 */
export type PrimitiveKind =
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'string'
  | 'uuid'
  | 'binary'
  | 'date'
  | 'timestamp'
  | 'timestamptz';

export type FieldType =
  | { readonly kind: PrimitiveKind }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly element: FieldSpec }
  | { readonly kind: 'map'; readonly key: FieldSpec; readonly value: FieldSpec }
  | { readonly kind: 'struct'; readonly fields: readonly NamedField[] };

/** How a producer writes a value that differs from the field's own form. */
export type FieldSource = 'epoch-seconds' | 'epoch-milliseconds' | 'integer-text';

export interface FieldSpec {
  readonly type: FieldType;
  readonly optional: boolean;
  readonly description?: string;
  /** Lowest value; for strings and binary the smallest length. Decimals and longs as text. */
  readonly min?: number | string;
  readonly max?: number | string;
  readonly pattern?: string;
  readonly oneOf?: readonly (string | number)[];
  readonly pii?: boolean;
  /** Used where the record has no value. */
  readonly default?: JsonValue;
  readonly from?: FieldSource;
  /** The name it had before: what is stored under that name is this field's. */
  readonly renamedFrom?: string;
}

export interface NamedField extends FieldSpec {
  readonly name: string;
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** One that the plan names: that there is one was checked when the pipeline was loaded. */
export function fieldNamed(fields: readonly NamedField[], name: string): NamedField {
  const found = fields.find((field) => field.name === name);
  invariant(found, `there is no field '${name}'`);
  return found;
}

/** `decimal(10,3)`, `list<string>`, `struct<a:int,b?:string>`: how a type is written in messages and plans. */
export function typeText(type: FieldType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'list':
      return `list<${partText(type.element)}>`;
    case 'map':
      return `map<${partText(type.key)},${partText(type.value)}>`;
    case 'struct':
      return `struct<${type.fields.map(memberText).join(',')}>`;
    default:
      return type.kind;
  }
}

const partText = ({ type, optional }: FieldSpec): string =>
  `${typeText(type)}${optional ? '?' : ''}`;

const memberText = ({ name, type, optional }: NamedField): string =>
  `${name}${optional ? '?' : ''}:${typeText(type)}`;
