import type { JsonValue } from '../core/field-types.ts';
import type { JsonSchema } from '../plan/type-mapping.ts';

/** The words an OpenAPI document is written in here. */
export type Part = { readonly [key: string]: JsonValue };

export const json = (schema: JsonSchema): Part => ({ 'application/json': { schema } });
export const ref = (name: string): Part => ({ $ref: `#/components/schemas/${name}` });
export const ERROR: Part = {
  description: 'What went wrong, and what to do.',
  content: json(ref('Error')),
};
export const text = (
  name: string,
  where: 'path' | 'query' | 'header',
  description: string,
): Part => ({
  name,
  in: where,
  required: where === 'path',
  description,
  schema: { type: 'string' },
});

export function operation(
  summary: string,
  tag: string,
  ok: Part,
  more: Part = {},
  okStatus = '200',
): Part {
  return { summary, tags: [tag], ...more, responses: { [okStatus]: ok, default: ERROR } };
}

export const ok = (description: string, schema: JsonSchema): Part => ({
  description,
  content: json(schema),
});
export const body = (schema: JsonSchema): Part => ({ required: true, content: json(schema) });
export const object = (
  properties: { readonly [name: string]: JsonValue },
  required: readonly string[] = Object.keys(properties),
): JsonSchema => ({ type: 'object', properties, required: [...required] });
export const string: Part = { type: 'string' };
export const KEY: Part = { security: [{ key: [] }, { session: [] }] };
export const OPEN: Part = { security: [] };
