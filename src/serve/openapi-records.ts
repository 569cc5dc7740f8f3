import type { StreamPlan } from '../plan/plan.ts';
import type { JsonSchema } from '../plan/type-mapping.ts';
import { ERROR, KEY, object, type Part, ref, string, text } from './openapi-parts.ts';

const PARAMETERS: readonly Part[] = [
  text(
    'from',
    'query',
    'earliest (default), latest, a sequence number, or a time with its offset: the first record that arrived then or later.',
  ),
  text('until', 'query', 'Sequence number behind the last record to read.'),
  text('shard', 'query', 'Only records of these shards, such as 0,3.'),
  text('limit', 'query', 'So many records at most.'),
  text('follow', 'query', 'true: stay and go on with new records. Events always do.'),
  text('Last-Event-ID', 'header', 'For events: go on behind the record with this number.'),
];
const KEY_PARAMETER = text('key', 'query', 'Only records with this partition key.');

const said = (description: string): Part => ({ ...ERROR, description });

/** `GET /v1/streams/{stream}/records` of one stream. */
export function readOperation({ name, key }: StreamPlan): Part {
  return {
    ...KEY,
    summary: `Read records of ${name}`,
    description: 'In the order of the log. Records come as they are stored.',
    tags: ['streams'],
    operationId: `read_${name}`,
    parameters: [...PARAMETERS, ...(key === undefined ? [] : [KEY_PARAMETER])],
    responses: {
      '200': {
        description:
          'A line or an event for each record; {"damaged": …} stands for records that cannot be read.',
        content: {
          'application/x-ndjson': { schema: ref(`stored_${name}`) },
          'text/event-stream': { schema: string },
        },
      },
      '204': { description: 'Events were asked for that were all sent before.' },
      '406': said('No type that the Accept header names.'),
      '410': said('Retention removed the record that `from` names.'),
      default: ERROR,
    },
  };
}

/** A line of the answer. */
export function storedSchema({ name }: StreamPlan): JsonSchema {
  return {
    oneOf: [
      object({
        sequenceNumber: string,
        shard: { type: 'integer' },
        arrivedAt: { type: 'string', format: 'date-time' },
        record: ref(`record_${name}`),
      }),
      ref('Damaged'),
    ],
  };
}

export const RECORD_SCHEMAS: { readonly [name: string]: JsonSchema } = {
  Damaged: object({
    damaged: object({ first: string, last: string, shard: { type: 'integer' } }, ['first', 'last']),
  }),
};
