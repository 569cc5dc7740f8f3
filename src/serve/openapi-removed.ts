import { KEY, object, ok, operation, type Part, string, text } from './openapi-parts.ts';

const PARTS: Part = {
  type: 'array',
  items: object({
    what: string,
    bytes: { type: ['integer', 'null'] },
    entries: { type: ['integer', 'null'] },
  }),
};

const NAMED: Part = {
  ...KEY,
  parameters: [text('name', 'path', 'Name of the removed definition.')],
};

/** Data of definitions that are no longer in the pipeline. */
export const REMOVED_PATHS: Part = {
  '/v1/removed/{name}': {
    get: operation(
      'What a definition that was removed left stored',
      'admin',
      ok('Its parts.', object({ parts: PARTS })),
      { ...NAMED, operationId: 'getRemovedData' },
    ),
    delete: operation(
      'Remove that for good',
      'admin',
      ok('What was removed.', object({ dropped: string, parts: PARTS })),
      { ...NAMED, operationId: 'dropRemovedData' },
    ),
  },
};
