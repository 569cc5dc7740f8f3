import type { EndpointPlan, Plan } from '../plan/plan.ts';
import { type JsonSchema, jsonSchema } from '../plan/type-mapping.ts';
import { KEY, object, ok, operation, type Part } from './openapi-parts.ts';
import { RESULT_FORMATS } from './send-result.ts';

export const FORMAT: JsonSchema = { type: 'string', enum: [...RESULT_FORMATS] };

const ROWS = object({
  rows: { type: 'array', items: { type: 'object' } },
  rowCount: { type: 'integer' },
});

export function endpointPaths({ endpoints }: Plan): Part {
  return Object.fromEntries(
    endpoints.map((endpoint) => [`/v1/endpoints/${endpoint.name}`, { get: asked(endpoint) }]),
  );
}

const asked = ({ name, description, params }: EndpointPlan): Part =>
  operation(description ?? `The answer of ${name}`, 'endpoints', ok('The rows.', ROWS), {
    ...KEY,
    operationId: `endpoint_${name}`,
    parameters: [
      ...params.map((param) => ({
        name: param.name,
        in: 'query',
        required: !param.optional,
        // What is left out is null: there is no text for it.
        schema: jsonSchema({ ...param, optional: false }),
      })),
      { name: 'format', in: 'query', required: false, schema: { ...FORMAT, default: 'objects' } },
    ],
  });
