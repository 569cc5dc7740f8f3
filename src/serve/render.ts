import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import type { Wording } from '../dashboard/format.ts';
import { filterFields, knownState } from '../dashboard/known-state.ts';
import type { Picture } from '../dashboard/renderer.ts';
import { shownCharts } from '../dashboard/shown.ts';
import { parseState } from '../dashboard/state.ts';
import { THEMES } from '../dashboard/theme.ts';
import type { Chart } from '../definition/chart.ts';
import { chartsOf } from '../definition/dashboard-items.ts';
import type { DashboardPlan } from '../plan/plan.ts';
import { findDashboard } from './dashboards.ts';
import type { Services } from './services.ts';

const MEDIA_TYPES = { svg: 'image/svg+xml; charset=utf-8', png: 'image/png' } as const;
type Format = keyof typeof MEDIA_TYPES;

/** A picture has styles of its own and nothing else; opened in a browser it may do no more than show them. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";
/** In CSS pixels. */
const SIZES = { width: { min: 160, max: 2400 }, height: { min: 60, max: 2400 } } as const;
const WIDTH = { dashboard: 1200, chart: 640, kpi: 320 } as const;

/**
 * Charts and dashboards as pictures, with the state of the page's address. What says how to draw begins with a
 * dot, as no field does: `?country=France&.period=30d&.theme=dark&.width=800`.
 */
export async function renderRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  const reader = { config: { roles: ['reader'] as const } };
  server.get<{ Params: { file: string } }>('/render/:file', reader, async (request, reply) => {
    const { name, format } = parseFile(request.params.file);
    return send(services, { dashboard: findDashboard(services, name), format }, request, reply);
  });
  server.get<{ Params: { dashboard: string; file: string } }>(
    '/render/:dashboard/:file',
    reader,
    async (request, reply) => {
      const dashboard = findDashboard(services, request.params.dashboard);
      const { name, format } = parseFile(request.params.file);
      const chart = findChart(dashboard, name);
      return send(services, { dashboard, chart, format }, request, reply);
    },
  );
}

interface Asked {
  readonly dashboard: DashboardPlan;
  readonly chart?: Chart;
  readonly format: Format;
}

async function send(
  services: Services,
  { dashboard, chart, format }: Asked,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const query = request.url.split('?')[1] ?? '';
  const state = knownState(parseState(query), filterFields(dashboard.items, services.plan()));
  const look = parseLook(new URLSearchParams(query), chart);
  const cancel = new AbortController();
  reply.raw.once('close', () => cancel.abort());
  const charts = (chart ? [chart] : shownCharts(dashboard.items, state)).map(({ id }) => id);
  const answer = await services.answerDashboard(
    { dashboard: dashboard.name, state, charts },
    cancel.signal,
  );
  const shown = chart && answer.charts[chart.id];
  if (shown?.kind === 'failed') throw new MillraceError('MR_QUERY_FAILED', shown.message);
  const { title, items } = dashboard;
  const bytes = await services.drawPicture(
    {
      format,
      dashboard: { title, items },
      ...(chart ? { chart: chart.id } : {}),
      state,
      answer,
      ...look,
    },
    cancel.signal,
  );
  return reply
    .headers({
      'content-type': MEDIA_TYPES[format],
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

function parseFile(file: string): { name: string; format: Format } {
  const [, name, format] = /^(.+)\.(svg|png)$/s.exec(file) ?? [];
  if (name === undefined || format === undefined)
    throw new MillraceError(
      'MR_REQUEST_NOT_FOUND',
      `There is no picture '${file}'. Pictures are .svg or .png: /render/{dashboard}.png, /render/{dashboard}/{chart}.svg.`,
    );
  return { name, format: format as Format };
}

function findChart({ name, items }: DashboardPlan, id: string): Chart {
  const charts = chartsOf(items);
  const found = charts.find((chart) => chart.id === id);
  if (found) return found;
  throw new MillraceError(
    'MR_PLAN_UNKNOWN',
    `Dashboard '${name}' has no chart '${id}'. Its charts are: ${charts.map((chart) => chart.id).join(', ')}.`,
  );
}

const wrong = (problem: string): MillraceError => new MillraceError('MR_REQUEST_INVALID', problem);

function parseLook(
  query: URLSearchParams,
  chart: Chart | undefined,
): Pick<Picture, 'theme' | 'wording' | 'width' | 'height'> {
  const theme = query.get('.theme') ?? 'light';
  if (!isTheme(theme))
    throw wrong(`'.theme' must be ${Object.keys(THEMES).join(' or ')}, not '${theme}'.`);
  const height = parseSize(query, 'height');
  if (height !== undefined && !chart)
    throw wrong("'.height' is for one chart: a dashboard is as high as its charts.");
  const kind = chart ? (chart.kind === 'kpi' ? 'kpi' : 'chart') : 'dashboard';
  return {
    theme,
    wording: parseWording(query),
    width: parseSize(query, 'width') ?? WIDTH[kind],
    ...(height === undefined ? {} : { height }),
  };
}

const isTheme = (name: string): name is keyof typeof THEMES => Object.hasOwn(THEMES, name);

function parseSize(query: URLSearchParams, side: keyof typeof SIZES): number | undefined {
  const text = query.get(`.${side}`);
  if (text === null) return undefined;
  const { min, max } = SIZES[side];
  const size = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (size >= min && size <= max) return size;
  throw wrong(`'.${side}' must be a whole number of pixels from ${min} to ${max}, not '${text}'.`);
}

function parseWording(query: URLSearchParams): Wording {
  const language = query.get('.language') ?? 'en';
  const timeZone = query.get('.timezone') ?? 'UTC';
  // Language, script and country; extensions would make every tag another language.
  if (!/^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$/.test(language) || !isSpoken(language))
    throw wrong(`'.language' must be a language such as en, de or pt-BR, not '${language}'.`);
  if (!isZone(timeZone))
    throw wrong(`'.timezone' must be a time zone such as UTC or Europe/London, not '${timeZone}'.`);
  return { language, timeZone };
}

const isSpoken = (language: string): boolean =>
  Intl.NumberFormat.supportedLocalesOf(language).length > 0;

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    // There is no list to ask that has all the names which are understood.
    return false;
  }
}
