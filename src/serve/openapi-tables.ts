import { body, KEY, object, ok, operation, type Part, string, text } from './openapi-parts.ts';

const integer: Part = { type: 'integer' };

const NAMED: Part = {
  ...KEY,
  parameters: [
    text(
      'namespace',
      'path',
      'Namespace of the table: `lake`, `warehouse`, or one of another program.',
    ),
    text('table', 'path', 'Name of the table.'),
  ],
};

/** Looking after tables of the lake. Other programs work with them at `/iceberg/v1`, whose document is Iceberg's own. */
export const TABLE_PATHS: Part = {
  '/v1/tables': {
    get: operation(
      'The tables of the lake',
      'reader',
      ok(
        'Their names; `isDefined` of the pipeline’s own.',
        object({
          tables: {
            type: 'array',
            items: object({ namespace: string, name: string, isDefined: { type: 'boolean' } }),
          },
        }),
      ),
      { ...KEY, operationId: 'getTables' },
    ),
  },
  '/v1/tables/{namespace}/{table}/compact': {
    post: operation(
      'Put small files of a table together, and deleted rows out of them',
      'admin',
      ok(
        'What was done, and how many jobs are left.',
        object({
          jobs: integer,
          filesBefore: integer,
          filesAfter: integer,
          rows: integer,
          bytesBefore: integer,
          bytesAfter: integer,
          conflicts: integer,
          left: integer,
        }),
      ),
      {
        ...NAMED,
        operationId: 'compactTable',
        requestBody: body(
          object({ jobs: { ...integer, description: 'So many jobs at most; default 1.' } }, []),
        ),
      },
    ),
  },
  '/v1/tables/{namespace}/{table}/expire': {
    post: operation(
      'Let go of old snapshots, and remove files that nothing names',
      'admin',
      ok('How many there were.', object({ snapshots: integer, files: integer })),
      {
        ...NAMED,
        operationId: 'expireTable',
        requestBody: body(
          object(
            {
              keep: { ...integer, description: 'So many of the newest stay.' },
              olderThanMs: { ...integer, description: 'Younger ones stay.' },
            },
            [],
          ),
        ),
      },
    ),
  },
  '/v1/tables/{namespace}/{table}/rollback': {
    post: operation(
      'Make an older snapshot the current one',
      'admin',
      ok(
        'The snapshot that is current now.',
        object({ id: string, timeMs: integer, totalRows: integer }),
      ),
      {
        ...NAMED,
        operationId: 'rollbackTable',
        requestBody: body(
          object(
            {
              to: { type: 'string', description: 'The id of a snapshot, or a time of RFC 3339.' },
              redeliver: {
                type: 'boolean',
                description: 'Deliver again what the stream has since then.',
              },
            },
            ['to'],
          ),
        ),
      },
    ),
  },
};
