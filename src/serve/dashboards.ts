import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import {
  type DashboardState,
  EMPTY_STATE,
  type FieldFilter,
  isPeriod,
} from '../dashboard/state.ts';
import type { DashboardPlan } from '../plan/plan.ts';
import type { Services } from './services.ts';

type Named = { Params: { dashboard: string } };
const HEARTBEAT_MS = 15_000;

/** Definitions of dashboards, their numbers, and word of changes. */
export async function dashboardRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  const reader = { config: { roles: ['reader'] as const } };
  const changes = new Changes(services);
  // Open pages would hold up the end otherwise; they come again by themselves.
  server.addHook('preClose', async () => changes.close());
  server.get('/v1/dashboards', reader, async () => ({
    dashboards: services
      .plan()
      .dashboards.map(({ name, title, description = null }) => ({ name, title, description })),
  }));
  server.get<Named>('/v1/dashboards/:dashboard', reader, async ({ params }) =>
    findDashboard(services, params.dashboard),
  );
  server.post<Named>('/v1/dashboards/:dashboard/answers', reader, async (request, reply) => {
    findDashboard(services, request.params.dashboard);
    const asked = parseRequest(request.body);
    const cancel = new AbortController();
    reply.raw.once('close', () => cancel.abort());
    reply.header('cache-control', 'no-store');
    return services.answerDashboard(
      { ...asked, dashboard: request.params.dashboard },
      cancel.signal,
    );
  });
  server.get<Named>('/v1/dashboards/:dashboard/changes', reader, async (request, reply) => {
    findDashboard(services, request.params.dashboard);
    changes.open(request, reply);
  });
}

export function findDashboard(services: Services, name: string): DashboardPlan {
  const { dashboards } = services.plan();
  const found = dashboards.find((candidate) => candidate.name === name);
  if (found) return found;
  throw new MillraceError(
    'MR_PLAN_UNKNOWN',
    `There is no dashboard '${name}'. Dashboards are: ${dashboards.map((one) => one.name).join(', ') || 'none'}.`,
  );
}

const wrong = (problem: string): MillraceError =>
  new MillraceError(
    'MR_REQUEST_INVALID',
    `${problem} Send {"state": {"period": "7d", "filters": {"country": {"in": ["France"]}}}}.`,
  );

function parseRequest(body: unknown): {
  state: DashboardState;
  active?: string;
  charts?: string[];
  find?: { [field: string]: string };
} {
  const {
    state = EMPTY_STATE,
    active,
    charts,
    find,
  } = members(body, 'The body', ['state', 'active', 'charts', 'find']);
  if (active !== undefined && typeof active !== 'string') throw wrong("'active' must be a field.");
  if (charts !== undefined && !isTexts(charts)) throw wrong("'charts' must be a list of ids.");
  if (find !== undefined && !isTexts(Object.values(object(find, "'find'"))))
    throw wrong("'find' must have words for each field.");
  return {
    state: parseState(state),
    ...(active === undefined ? {} : { active }),
    ...(charts === undefined ? {} : { charts: charts as string[] }),
    ...(find === undefined ? {} : { find: find as { [field: string]: string } }),
  };
}

function parseState(given: unknown): DashboardState {
  const { period, filters = {} } = members(given, "'state'", ['period', 'filters', 'tabs']);
  if (period !== undefined && !(typeof period === 'string' && isPeriod(period)))
    throw wrong(
      "'period' must be 'all', a span such as '7d', or two times as 'from..until', the earlier one first.",
    );
  const parsed = Object.entries(object(filters, "'filters'")).map(([field, filter]) => [
    field,
    parseFilter(field, filter),
  ]);
  return {
    ...(period === undefined ? {} : { period }),
    filters: Object.fromEntries(parsed) as DashboardState['filters'],
    tabs: {},
  };
}

function parseFilter(field: string, given: unknown): FieldFilter {
  const filter = members(given, `The filter of '${field}'`, ['in', 'range', 'has']);
  const { in: values, range, has } = filter;
  const areValues =
    values === undefined ||
    (Array.isArray(values) &&
      values.length <= LIMITS.choicesMax &&
      values.every((one) => one === null || typeof one === 'string'));
  if (!areValues)
    throw wrong(`'in' of '${field}' must be at most ${LIMITS.choicesMax} texts or nulls.`);
  if (has !== undefined && typeof has !== 'string')
    throw wrong(`'has' of '${field}' must be text.`);
  if (range !== undefined) {
    const { from, until } = members(range, `'range' of '${field}'`, ['from', 'until']);
    if (typeof from !== 'string' || typeof until !== 'string' || !isPeriod(`${from}..${until}`))
      throw wrong(
        `'range' of '${field}' must have 'from' and 'until', times such as '2011-03-01T08:26'.`,
      );
  }
  return filter as FieldFilter;
}

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

type Members = { readonly [name: string]: unknown };

function members(value: unknown, what: string, known: readonly string[]): Members {
  const given = object(value, what);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return given;
  throw wrong(`${what} has no member '${unknown}'; members are ${known.join(', ')}.`);
}

function object(value: unknown, what: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw wrong(`${what} must be a JSON object.`);
}

/** Pages that are told of changes by server-sent events: versions, never data (architecture.md 11). */
class Changes {
  readonly #services: Services;
  readonly #open = new Set<FastifyReply>();
  #timer: NodeJS.Timeout | undefined;
  #told = '';
  #toldAt = 0;

  constructor(services: Services) {
    this.#services = services;
  }

  open(request: FastifyRequest, reply: FastifyReply): void {
    if (this.#open.size >= LIMITS.subscribersMax)
      throw new MillraceError(
        'MR_OVERLOADED',
        `${this.#open.size} pages are open already. Close some, or try again later.`,
      );
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    reply.raw.write(`retry: 1000\n\n${this.#event()}`);
    this.#open.add(reply);
    request.raw.socket.setTimeout(0);
    reply.raw.once('close', () => {
      this.#open.delete(reply);
      if (this.#open.size === 0) this.#stop();
    });
    this.#timer ??= setInterval(() => this.#tell(), LIMITS.liveIntervalMs);
  }

  #event(): string {
    return `event: version\ndata: ${JSON.stringify(this.#services.dataVersion())}\n\n`;
  }

  #tell(): void {
    const event = this.#event();
    const now = performance.now();
    if (event === this.#told && now - this.#toldAt < HEARTBEAT_MS) return;
    this.#told = event;
    this.#toldAt = now;
    for (const reply of this.#open) {
      // A page that does not read is told the newest once it does.
      if (!reply.raw.writableNeedDrain) reply.raw.write(event);
    }
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    this.#stop();
    for (const reply of this.#open) reply.raw.end();
  }
}
