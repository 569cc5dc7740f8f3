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

const pixels = (name: string, description: string): Part => ({
  name,
  in: 'query',
  required: false,
  description,
  schema: { type: 'integer' },
});
const LOOK: readonly Part[] = [
  text(
    '.period',
    'query',
    'A span such as `7d`, which ends at the newest value; or `from..until`.',
  ),
  text('.theme', 'query', '`light` (default) or `dark`.'),
  pixels('.width', 'Width in CSS pixels, 160 to 2400; a PNG has two pixels to each.'),
  text(
    '.language',
    'query',
    'How numbers and dates are written, such as `en` (default) or `pt-BR`.',
  ),
  text('.timezone', 'query', 'The zone instants are shown in, such as `UTC` (default).'),
];
const HEIGHT = pixels(
  '.height',
  'Height in CSS pixels, 60 to 2400; default: what the chart needs.',
);
const CHART = text('chart', 'path', 'Id of the chart: its title in small letters, with hyphens.');
const FILTERS =
  'Filters are query parameters as in the address of the page: `?country=France&description.has=mug`.';
const IMAGES = {
  svg: { 'image/svg+xml': { schema: string } },
  png: { 'image/png': { schema: { type: 'string', contentMediaType: 'image/png' } } },
} as const;

/** Pictures: what a page shows, drawn without a browser. */
export const RENDER_PATHS: Part = Object.fromEntries(
  (['svg', 'png'] as const).flatMap((format) => {
    const drawn = {
      description: `The picture as ${format.toUpperCase()}.`,
      content: IMAGES[format],
    };
    const one = (summary: string, operationId: string, parameters: readonly Part[]) => ({
      get: operation(summary, 'pictures', drawn, {
        ...KEY,
        operationId,
        description: FILTERS,
        parameters: [...NAME.parameters, ...parameters],
      }),
    });
    return [
      [`/render/{dashboard}.${format}`, one('Draw a dashboard', `drawDashboard_${format}`, LOOK)],
      [
        `/render/{dashboard}/{chart}.${format}`,
        one('Draw a chart', `drawChart_${format}`, [CHART, ...LOOK, HEIGHT]),
      ],
    ];
  }),
);

export const DASHBOARD_SCHEMAS: { readonly [name: string]: JsonSchema } = {
  DashboardRequest: object(
    {
      state: ref('DashboardState'),
      active: { type: 'string', description: 'The field whose filter is being changed.' },
      charts: { ...texts, description: 'Ids of the charts wanted; default all.' },
      find: {
        type: 'object',
        additionalProperties: string,
        description: 'Words that the choices of a select must have, by its field.',
      },
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
    instants: object({ fields: texts, time: { type: 'boolean' } }),
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
    choiceCounts: {
      type: 'object',
      additionalProperties: { type: 'integer' },
      description: 'How many choices of a field there are; at most 1,000 are listed.',
    },
  }),
};
