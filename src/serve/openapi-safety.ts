import { body, KEY, object, operation, type Part, string } from './openapi-parts.ts';

const events = (description: string): Part => ({
  description: `${description} One JSON object a line, the last with \`event\` \`done\` or \`error\`.`,
  content: { 'application/x-ndjson': { schema: string } },
});

export const SAFETY_PATHS: Part = {
  '/v1/backup': {
    post: operation(
      'Copy all there is to a folder of the server, for who owns the data folder',
      'admin',
      events('How far it is, and what was copied.'),
      {
        ...KEY,
        operationId: 'backUp',
        requestBody: body(object({ to: string, keep: { type: 'integer', minimum: 1 } }, ['to'])),
      },
    ),
  },
  '/v1/verify': {
    post: operation(
      'Hold log, lake and lookups against each other',
      'admin',
      events('How far it is, each difference, and what was read.'),
      {
        ...KEY,
        operationId: 'verify',
        requestBody: body(object({ name: string }, [])),
      },
    ),
  },
};
