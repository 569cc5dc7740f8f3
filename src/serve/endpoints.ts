import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import type { EndpointPlan } from '../plan/plan.ts';
import { renderSql } from '../plan/render-sql.ts';
import { endpointValues, type Given } from '../query/endpoint-values.ts';
import { requireFormat, sendResult } from './send-result.ts';
import type { Services } from './services.ts';

/** `GET /v1/endpoints/{name}`: the questions that the pipeline defines. */
export async function endpointRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  server.get<{ Params: { name: string }; Querystring: Given }>(
    '/v1/endpoints/:name',
    { config: { roles: ['reader'] } },
    (request, reply) => {
      const { params, query, maxAgeMs } = endpointOf(services, request.params.name);
      const { format = 'objects', ...given } = request.query;
      const asked = {
        sql: renderSql(query),
        params: endpointValues(params, given),
        format: requireFormat(format),
        isUnlisted: true,
        ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
      };
      return sendResult(services, asked, request, reply);
    },
  );
}

function endpointOf(services: Services, name: string): EndpointPlan {
  const { endpoints } = services.plan();
  const found = endpoints.find((one) => one.name === name);
  if (found) return found;
  const names = endpoints.map((one) => one.name).join(', ');
  throw new MillraceError(
    'MR_PLAN_UNKNOWN',
    `There is no endpoint '${name}'. ${names === '' ? 'The pipeline defines none.' : `Endpoints are: ${names}.`}`,
  );
}
