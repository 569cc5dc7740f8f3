import type { JsonSchema } from '../plan/type-mapping.ts';
import {
  body,
  ERROR,
  KEY,
  object,
  ok,
  operation,
  type Part,
  ref,
  string,
  text,
} from './openapi-parts.ts';

const NAME = { parameters: [text('dashboard', 'path', 'Name of the dashboard.')] };
const texts: Part = { type: 'array', items: string };
const nullable = (schema: Part): Part => ({ anyOf: [schema, { type: 'null' }] });

/** Dashboards: what they are, their numbers, word of changes. */
export const DASHBOARD_PATHS: Part = {
  '/v1/dashboards': {
    get: operation(
      'The dashboards of the pipeline',
      'dashboards',
      ok(
        'Their names and titles.',
        object({
          dashboards: {
            type: 'array',
            items: object({ name: string, title: string, description: nullable(string) }),
          },
        }),
      ),
      { ...KEY, operationId: 'listDashboards' },
    ),
  },
  '/v1/dashboards/{dashboard}': {
    get: operation(
      'A dashboard as it is defined',
      'dashboards',
      ok('Its items.', object({ name: string, title: string, items: { type: 'array' } })),
      { ...KEY, ...NAME, operationId: 'dashboard' },
    ),
  },
  '/v1/dashboards/{dashboard}/answers': {
    post: operation(
      'The numbers of a dashboard, all of one moment',
      'dashboards',
      ok('The numbers.', ref('DashboardAnswer')),
      { ...KEY, ...NAME, operationId: 'askDashboard', requestBody: body(ref('DashboardRequest')) },
    ),
  },
  '/v1/dashboards/{dashboard}/changes': {
    get: {
      summary: 'Word of new data, as server-sent events',
      tags: ['dashboards'],
      ...KEY,
      ...NAME,
      operationId: 'dashboardChanges',
      responses: {
        '200': {
          description: 'Events `version`: how far streams and tables have come.',
          content: { 'text/event-stream': { schema: string } },
        },
        default: ERROR,
      },
    },
  },
};

export const DASHBOARD_SCHEMAS: { readonly [name: string]: JsonSchema } = {
  DashboardRequest: object(
    {
      state: ref('DashboardState'),
      active: { type: 'string', description: 'The field whose filter is being changed.' },
      charts: { ...texts, description: 'Ids of the charts wanted; default all.' },
    },
    [],
  ),
  DashboardState: object(
    {
      period: {
        type: 'string',
        description: 'A span such as `7d`, which ends at the newest value; or `from..until`.',
      },
      filters: { type: 'object', additionalProperties: ref('FieldFilter') },
      tabs: { type: 'object', additionalProperties: { type: 'integer' } },
    },
    [],
  ),
  FieldFilter: object(
    {
      in: { type: 'array', items: { type: ['string', 'null'] } },
      range: object({ from: string, until: string }),
      has: { type: 'string', description: 'Words that the text must have.' },
    },
    [],
  ),
  DashboardAnswer: object({
    version: {
      type: 'object',
      additionalProperties: { type: 'integer' },
      description: 'The sequence number below which a stream was read; the version of a table.',
    },
    newest: { type: 'object', additionalProperties: { type: ['string', 'null'] } },
    period: nullable(object({ from: string, until: string })),
    charts: {
      type: 'object',
      description: 'By id of the chart.',
      additionalProperties: object({
        kind: { type: 'string', enum: ['kpi', 'series', 'grid', 'failed'] },
        from: { type: 'string', enum: ['cube', 'full'] },
        notFiltered: texts,
      }),
    },
    choices: {
      type: 'object',
      additionalProperties: {
        type: 'array',
        items: object({ value: { type: ['string', 'null'] }, rows: { type: 'integer' } }),
      },
    },
  }),
};
