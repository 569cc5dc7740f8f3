import type {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBValue,
} from '@duckdb/node-api';
import type { FieldType } from '../core/field-types.ts';
import type { PlainValue } from '../core/plain-value.ts';

/** A value as DuckDB's client has it, as writers of files take it. */
export type ToPlain = (value: DuckDBValue) => PlainValue;

export function plainOf(type: FieldType): ToPlain {
  const convert = converterOf(type);
  return (value) => (value === null ? null : convert(value));
}

function converterOf(type: FieldType): ToPlain {
  switch (type.kind) {
    case 'decimal':
      return (value) => (value as DuckDBDecimalValue).value;
    case 'uuid':
      return String;
    case 'binary':
      return (value) => (value as DuckDBBlobValue).bytes;
    case 'date':
      return (value) => (value as DuckDBDateValue).days;
    case 'timestamp':
    case 'timestamptz':
      return (value) => (value as DuckDBTimestampValue | DuckDBTimestampTZValue).micros;
    case 'list': {
      const element = plainOf(type.element.type);
      return (value) => (value as DuckDBListValue).items.map(element);
    }
    case 'map': {
      const [plainKey, plainItem] = [plainOf(type.key.type), plainOf(type.value.type)];
      return (value) =>
        (value as DuckDBMapValue).entries.map(
          (entry) => [plainKey(entry.key), plainItem(entry.value)] as const,
        );
    }
    case 'struct': {
      const parts = type.fields.map((part) => [part.name, plainOf(part.type)] as const);
      return (value) => {
        const { entries } = value as DuckDBStructValue;
        return parts.map(([name, convert]) => convert(entries[name] ?? null));
      };
    }
    default:
      return (value) => value as PlainValue;
  }
}
