import { body, KEY, object, ok, operation, type Part, string, text } from './openapi-parts.ts';

const NAME = { parameters: [text('name', 'path', 'What the query is kept under.')] };
const GONE: Part = { description: 'Done.' };

const LOGGED = object(
  {
    id: string,
    who: string,
    sql: string,
    state: { type: 'string', enum: ['running', 'succeeded', 'failed', 'cancelled'] },
    started: { type: 'string', format: 'date-time' },
    ms: { type: 'number' },
    rows: { type: 'integer' },
    isKept: { type: 'boolean' },
    error: object({ code: string, message: string }),
  },
  ['id', 'who', 'sql', 'state', 'started'],
);

const SAVED = object({
  name: string,
  owner: string,
  sql: string,
  shared: { type: 'boolean' },
  changedMs: { type: 'integer' },
  isOwn: { type: 'boolean' },
});

const listed = (schema: Part): Part => object({ queries: { type: 'array', items: schema } });

export const QUERY_PATHS: Part = {
  '/v1/sql/completions': {
    post: operation(
      'Words of SQL that can stand next',
      'sql',
      ok('The words.', object({ keywords: { type: 'array', items: string } })),
      { ...KEY, operationId: 'completeSql', requestBody: body(object({ sql: string })) },
    ),
  },
  '/v1/queries': {
    get: operation(
      'Your queries, running and ended, newest first',
      'sql',
      ok('The queries.', listed(LOGGED)),
      { ...KEY, operationId: 'queries' },
    ),
  },
  '/v1/queries/{id}': {
    delete: operation(
      'Cancel a query of yours; an administrator cancels anybody’s',
      'sql',
      GONE,
      {
        ...KEY,
        operationId: 'cancelQuery',
        parameters: [text('id', 'path', 'Of GET /v1/queries.')],
      },
      '204',
    ),
  },
  '/v1/saved-queries': {
    get: operation(
      'Queries that are kept: yours, and what others share',
      'sql',
      ok('The queries, by name.', listed(SAVED)),
      { ...KEY, operationId: 'savedQueries' },
    ),
  },
  '/v1/saved-queries/{name}': {
    put: operation('Keep a query', 'sql', ok('What is kept.', SAVED), {
      ...KEY,
      ...NAME,
      operationId: 'saveQuery',
      requestBody: body(object({ sql: string, shared: { type: 'boolean' } }, ['sql'])),
    }),
    delete: operation(
      'Keep a query no longer',
      'sql',
      GONE,
      { ...KEY, ...NAME, operationId: 'removeSavedQuery' },
      '204',
    ),
  },
};
