import { body, KEY, object, ok, operation, type Part, ref, string, text } from './openapi-parts.ts';

const STREAM = text('stream', 'path', 'Name of the stream.');
const CONSUMER = text('consumer', 'path', 'Name of the consumer.');
const integer: Part = { type: 'integer' };
const shards = ok('The shards.', object({ shards: { type: 'array', items: ref('Shard') } }));

/** Shards, named consumers, dead letters. */
export const STREAM_PATHS: Part = {
  '/v1/streams/{stream}/shards': {
    get: operation('The shards of a stream', 'streams', shards, {
      ...KEY,
      operationId: 'listShards',
      parameters: [STREAM],
    }),
    post: operation('Split or merge shards, or change their number', 'streams', shards, {
      ...KEY,
      operationId: 'reshard',
      parameters: [STREAM],
      requestBody: body(
        object(
          {
            count: integer,
            split: integer,
            at: string,
            merge: { type: 'array', items: integer, minItems: 2, maxItems: 2 },
          },
          [],
        ),
      ),
    }),
  },
  '/v1/streams/{stream}/redrive': {
    post: operation(
      'Send dead letters again',
      'streams',
      ok(
        'What became of them.',
        object({
          redriven: integer,
          refused: integer,
          ofLookups: integer,
          reasons: { type: 'object', additionalProperties: integer },
        }),
      ),
      {
        ...KEY,
        operationId: 'redrive',
        parameters: [STREAM],
        requestBody: body(object({ where: string }, [])),
      },
    ),
  },
  '/v1/streams/{stream}/consumers': {
    get: operation(
      'Who reads the stream, and how far',
      'streams',
      ok('The consumers.', object({ consumers: { type: 'array', items: ref('StreamConsumer') } })),
      { ...KEY, operationId: 'listConsumers', parameters: [STREAM] },
    ),
  },
  '/v1/streams/{stream}/consumers/{consumer}': {
    put: operation(
      'Keep how far a named consumer has read; retention waits for it',
      'streams',
      ok('Where it goes on.', object({ consumer: string, next: string })),
      {
        ...KEY,
        operationId: 'commitConsumer',
        parameters: [STREAM, CONSUMER],
        requestBody: body(object({ next: string })),
      },
    ),
    delete: operation(
      'Remove a named consumer; retention waits for it no more',
      'streams',
      ok('Done.', object({ removed: string })),
      { ...KEY, operationId: 'removeConsumer', parameters: [STREAM, CONSUMER] },
    ),
  },
};

export const STREAM_SCHEMAS: Part = {
  Shard: object({
    shard: integer,
    state: { type: 'string', enum: ['open', 'closed'] },
    hashFrom: string,
    hashLast: string,
    parents: { type: 'array', items: integer },
    openedAt: string,
    closedAt: { type: ['string', 'null'] },
  }),
  StreamConsumer: object({
    name: string,
    named: { type: 'boolean' },
    next: string,
    lag: integer,
  }),
};
