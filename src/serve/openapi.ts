import type { FastifyInstance } from 'fastify';
import { LIMITS } from '../core/limits.ts';
import { ROLES } from '../govern/key-store.ts';
import type { Plan } from '../plan/plan.ts';
import { type JsonSchema, recordSchema, rowSchema } from '../plan/type-mapping.ts';
import { AWS_PATHS } from './openapi-aws.ts';
import { DASHBOARD_PATHS, DASHBOARD_SCHEMAS, RENDER_PATHS } from './openapi-dashboards.ts';
import { endpointPaths, FORMAT } from './openapi-endpoints.ts';
import {
  body,
  ERROR,
  KEY,
  OPEN,
  object,
  ok,
  operation,
  type Part,
  ref,
  string,
  text,
} from './openapi-parts.ts';
import { QUERY_PATHS } from './openapi-queries.ts';
import { RECORD_SCHEMAS, readOperation, storedSchema } from './openapi-records.ts';
import { REMOVED_PATHS } from './openapi-removed.ts';
import { SAFETY_PATHS } from './openapi-safety.ts';
import { STREAM_PATHS, STREAM_SCHEMAS } from './openapi-streams.ts';
import { TABLE_PATHS } from './openapi-tables.ts';
import type { Services } from './services.ts';
import { SESSION_COOKIE } from './session-cookie.ts';

/** `GET /openapi.json`: every route, with the streams and lookups of this pipeline. */
export async function openapiRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  server.get('/openapi.json', async () => openapiDocument(services.plan()));
}

/** The document for a plan, as OpenAPI 3.1. */
export function openapiDocument(plan: Plan): Part {
  const streams = Object.fromEntries(
    plan.streams.map((stream) => [
      `record_${stream.name}`,
      recordSchema(stream.fields, stream.unknown),
    ]),
  );
  const stored = Object.fromEntries(
    plan.streams.map((stream) => [`stored_${stream.name}`, storedSchema(stream)]),
  );
  const rows = Object.fromEntries(
    plan.streams
      .filter(({ name }) => plan.lookups.some((lookup) => lookup.from === name))
      .map((stream) => [`row_${stream.name}`, rowSchema(stream.fields)]),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'millrace',
      version: '1',
      description: 'Ingest, lookups and SQL of this pipeline.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    ...KEY,
    paths: {
      ...streamPaths(plan),
      ...STREAM_PATHS,
      ...lookupPaths(plan),
      ...endpointPaths(plan),
      ...DASHBOARD_PATHS,
      ...RENDER_PATHS,
      ...REMOVED_PATHS,
      ...TABLE_PATHS,
      ...SAFETY_PATHS,
      ...QUERY_PATHS,
      ...AWS_PATHS,
      ...FIXED_PATHS,
    },
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', bearerFormat: 'mr_…' },
        session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
      },
      schemas: {
        ...SCHEMAS,
        ...STREAM_SCHEMAS,
        ...RECORD_SCHEMAS,
        ...DASHBOARD_SCHEMAS,
        ...streams,
        ...stored,
        ...rows,
      },
    },
  };
}

function streamPaths(plan: Plan): Part {
  return Object.fromEntries(
    plan.streams.map((stream) => {
      const schema = ref(`record_${stream.name}`);
      const more = {
        ...KEY,
        ...(stream.description === undefined ? {} : { description: stream.description }),
        parameters: [
          text('Idempotency-Key', 'header', 'Makes a repeat of this request safe for 24 hours.'),
          text('Content-Encoding', 'header', 'gzip or zstd'),
          text('hashKey', 'query', 'Where records go, if the stream has no key: 0 to 2^128 - 1.'),
        ],
        requestBody: {
          required: true,
          content: {
            'application/json': { schema: { oneOf: [schema, { type: 'array', items: schema }] } },
            'application/x-ndjson': { schema: string },
          },
        },
      };
      const answer = {
        '200': ok('At least one record was stored.', ref('IngestAnswer')),
        '422': ok('No record was stored.', ref('IngestAnswer')),
        default: ERROR,
      };
      return [
        `/v1/streams/${stream.name}/records`,
        {
          get: readOperation(stream),
          post: {
            ...operation(`Send records to ${stream.name}`, 'streams', {}, more),
            operationId: `send_${stream.name}`,
            responses: answer,
          },
        },
      ];
    }),
  );
}

function lookupPaths(plan: Plan): Part {
  return Object.fromEntries(
    plan.lookups.flatMap((lookup) => {
      const sorts = lookup.sort.map((part, index) => part ?? `sequence_${index}`);
      const range = ['limit', 'cursor', 'from', 'to', 'prefix'].map((name) =>
        text(name, 'query', RANGE[name] as string),
      );
      return Array.from({ length: sorts.length + 1 }, (_, depth) => {
        const parts = [lookup.key, ...sorts.slice(0, depth)];
        const isFull = depth === sorts.length;
        const row = ref(`row_${lookup.from}`);
        const schema = isFull
          ? row
          : object({ items: { type: 'array', items: row }, cursor: string }, ['items']);
        const parameters = [
          ...parts.map((part) => text(part, 'path', `Value of ${part}.`)),
          ...(isFull ? [] : range),
        ];
        return [
          `/v1/lookups/${lookup.name}/${parts.map((part) => `{${part}}`).join('/')}`,
          {
            get: {
              ...operation(
                `Rows of ${lookup.name} by ${parts.join(', ')}`,
                'lookups',
                ok('The rows.', schema),
                { ...KEY, parameters },
              ),
              operationId: `lookup_${lookup.name}_${depth}`,
            },
          },
        ];
      });
    }),
  );
}

const RANGE: { readonly [name: string]: string } = {
  limit: 'Items of a page, 1 to 1000.',
  cursor: 'Where the page starts, from the answer before.',
  from: 'Lowest value of the next sort part.',
  to: 'Highest value of the next sort part.',
  prefix: 'Start of the next sort part.',
};

const SCHEMAS: { readonly [name: string]: JsonSchema } = {
  Error: object({ error: object({ code: string, message: string }) }),
  IngestAnswer: object(
    {
      accepted: { type: 'integer' },
      rejected: {
        type: 'array',
        items: object(
          { index: { type: 'integer' }, code: string, field: string, message: string },
          ['index', 'code', 'message'],
        ),
      },
      rejectedOmitted: { type: 'integer' },
      duplicate: { type: 'array', items: { type: 'integer' } },
      duplicateOmitted: { type: 'integer' },
      shards: {
        type: 'array',
        items: object({
          shard: { type: 'integer' },
          first: string,
          last: string,
          count: { type: 'integer' },
        }),
      },
    },
    ['accepted', 'rejected', 'duplicate', 'shards'],
  ),
  QueryResult: object({
    columns: { type: 'array', items: object({ name: string, type: string }) },
    rows: { type: 'array', items: { type: 'array', items: {} } },
    rowCount: { type: 'integer' },
  }),
  Roles: { type: 'array', items: { type: 'string', enum: [...ROLES] } },
  User: object({ name: string, roles: ref('Roles') }),
  Session: object({
    user: { type: ['string', 'null'] },
    roles: ref('Roles'),
    requiresLogin: { type: 'boolean' },
    isClaimable: {
      type: 'boolean',
      description: 'The server waits for its first administrator: POST /v1/claim.',
    },
  }),
};

const FIXED_PATHS: Part = {
  '/v1/sql': {
    post: operation(
      'Ask with SQL',
      'sql',
      ok('The result, in the format asked for.', ref('QueryResult')),
      {
        ...KEY,
        operationId: 'sql',
        requestBody: body(
          object(
            {
              sql: string,
              params: { oneOf: [{ type: 'array', items: {} }, { type: 'object' }] },
              format: FORMAT,
              timeoutMs: { type: 'integer', minimum: 1, maximum: LIMITS.queryDeadlineMs },
              history: { type: 'boolean', default: true },
            },
            ['sql'],
          ),
        ),
      },
    ),
  },
  '/v1/status': {
    get: operation(
      'Streams, deliveries, models, processes',
      'admin',
      ok('The state now.', { type: 'object' }),
      { ...KEY, operationId: 'status' },
    ),
  },
  '/v1/plan': {
    get: operation('The compiled pipeline', 'admin', ok('The plan.', { type: 'object' }), {
      ...KEY,
      operationId: 'plan',
    }),
  },
  '/v1/models/{model}/runs': {
    post: operation('Run a model now', 'admin', ok('The finished run.', { type: 'object' }), {
      ...KEY,
      operationId: 'runModel',
      parameters: [text('model', 'path', 'Name of the model.')],
    }),
  },
  '/v1/lookups/{lookup}/replay': {
    post: operation(
      'Build a lookup again',
      'admin',
      ok('Its entries.', object({ entries: { type: 'integer' } })),
      {
        ...KEY,
        operationId: 'replay',
        parameters: [text('lookup', 'path', 'Name of the lookup.')],
        requestBody: body(object({ stream: string })),
      },
    ),
  },
  '/v1/keys': {
    get: operation('Keys, without their secrets', 'admin', ok('The keys.', { type: 'object' }), {
      ...KEY,
      operationId: 'listKeys',
    }),
    post: operation(
      'Make a key; its secret is shown once',
      'admin',
      ok('The key.', object({ id: string, secret: string })),
      {
        ...KEY,
        operationId: 'createKey',
        requestBody: body(object({ roles: ref('Roles'), label: string }, ['roles'])),
      },
      '201',
    ),
  },
  '/v1/keys/{id}': {
    delete: operation('Revoke a key', 'admin', ok('Done.', object({ revoked: string })), {
      ...KEY,
      operationId: 'revokeKey',
      parameters: [text('id', 'path', 'Id of the key.')],
    }),
  },
  '/v1/users': {
    get: operation(
      'People who may log in',
      'admin',
      ok('The users.', object({ users: { type: 'array', items: ref('User') } })),
      { ...KEY, operationId: 'listUsers' },
    ),
    post: operation(
      'Add a user',
      'admin',
      ok('The user.', ref('User')),
      {
        ...KEY,
        operationId: 'addUser',
        requestBody: body(object({ name: string, roles: ref('Roles'), password: string })),
      },
      '201',
    ),
  },
  '/v1/users/{name}': {
    patch: operation(
      'Give a user other roles or a new password; ends the sessions of the user',
      'admin',
      ok('The user.', ref('User')),
      {
        ...KEY,
        operationId: 'changeUser',
        parameters: [text('name', 'path', 'Name of the user.')],
        requestBody: body(object({ roles: ref('Roles'), password: string }, [])),
      },
    ),
    delete: operation(
      'Remove a user; ends the sessions of the user',
      'admin',
      ok('Done.', object({ removed: string })),
      {
        ...KEY,
        operationId: 'removeUser',
        parameters: [text('name', 'path', 'Name of the user.')],
      },
    ),
  },
  '/v1/session': {
    get: operation(
      'Who is logged in; no error where nobody is',
      'session',
      ok('The session.', ref('Session')),
      { ...OPEN, operationId: 'session' },
    ),
    post: operation(
      'Log in; the answer sets the session cookie',
      'session',
      ok('The session.', ref('Session')),
      {
        ...OPEN,
        operationId: 'login',
        requestBody: body(object({ name: string, password: string })),
      },
    ),
    delete: operation('Log out', 'session', ok('Nobody is logged in.', ref('Session')), {
      ...OPEN,
      operationId: 'logout',
    }),
  },
  '/v1/claim': {
    post: operation(
      'Exchange the claim token of the first start for an admin key, or with name and password for the first user',
      'session',
      ok('The key, or the session of the user.', {
        oneOf: [object({ id: string, secret: string }), ref('Session')],
      }),
      {
        ...OPEN,
        operationId: 'claim',
        requestBody: body(object({ token: string, name: string, password: string }, ['token'])),
      },
    ),
  },
  '/healthz': {
    get: operation('Is the process alive', 'health', ok('It is.', object({ status: string })), {
      ...OPEN,
      operationId: 'healthz',
    }),
  },
  '/readyz': {
    get: operation('Does everything answer', 'health', ok('It does.', object({ status: string })), {
      ...OPEN,
      operationId: 'readyz',
    }),
  },
  '/metrics': {
    get: operation(
      'Prometheus metrics',
      'health',
      { description: 'Text exposition format.', content: { 'text/plain': { schema: string } } },
      { ...OPEN, operationId: 'metrics' },
    ),
  },
  '/openapi.json': {
    get: operation('This document', 'health', ok('OpenAPI 3.1.', { type: 'object' }), {
      ...OPEN,
      operationId: 'openapi',
    }),
  },
};
