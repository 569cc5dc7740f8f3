import type { FieldSpec, JsonValue } from '../../../src/core/field-types.ts';
import type { StreamPlan } from '../../../src/plan/plan.ts';

/** A record that the stream takes, of now: the required fields, and those that charts are likely to show. */
export function sampleRecord(stream: StreamPlan, now = new Date()): { [field: string]: JsonValue } {
  const fields = stream.fields.filter(
    ({ optional, pattern }) => !optional || pattern === undefined,
  );
  return Object.fromEntries(fields.map((field) => [field.name, sample(field, field.name, now)]));
}

function sample(field: FieldSpec, name: string, now: Date): JsonValue {
  const { type, min, max, oneOf, from } = field;
  if (oneOf?.[0] !== undefined) return oneOf[0];
  const time = now.toISOString();
  switch (type.kind) {
    case 'boolean':
      return true;
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return within(Number(min ?? 1), max);
    case 'decimal':
      return String(within(Number(min ?? 1), max));
    case 'date':
      return time.slice(0, 10);
    case 'timestamp':
      return time.slice(0, 19);
    case 'timestamptz':
      if (from === 'epoch-seconds') return Math.floor(now.getTime() / 1000);
      return from === 'epoch-milliseconds' ? now.getTime() : time;
    case 'uuid':
      return '00000000-0000-4000-8000-000000000001';
    case 'binary':
      return 'aGVsbG8=';
    case 'list':
      return [sample(type.element, name, now)];
    case 'map':
      return {};
    case 'struct':
      return Object.fromEntries(
        type.fields
          .filter(({ optional }) => !optional)
          .map((part) => [part.name, sample(part, part.name, now)]),
      );
    default:
      return from === 'integer-text' ? '1' : text(`hello ${name.replaceAll('_', ' ')}`, min, max);
  }
}

/** At least 10, so that a chart moves, where that is allowed. */
function within(least: number, max: FieldSpec['max']): number {
  return Math.min(Math.max(least, 10), Number(max ?? Number.POSITIVE_INFINITY));
}

function text(words: string, min: FieldSpec['min'], max: FieldSpec['max']): string {
  return words.padEnd(Number(min ?? 0), '.').slice(0, Number(max ?? words.length + 1000));
}
