import type { Endpoint } from '../definition/endpoint.ts';
import type { SqlPart } from '../definition/sql.ts';
import type { EndpointPlan } from './plan.ts';
import { duckdbType } from './type-mapping.ts';

/** Values come as texts: in the query each has the type of its parameter. */
export function compileEndpoint({ name, settings }: Endpoint): EndpointPlan {
  const types = new Map(settings.params.map((param) => [param.name, duckdbType(param.type)]));
  const parts = settings.query.parts.flatMap((part): SqlPart[] =>
    'argument' in part
      ? [{ text: 'CAST(' }, part, { text: ` AS ${types.get(part.argument)})` }]
      : [part],
  );
  return { name, ...settings, query: { kind: 'sql', parts } };
}
