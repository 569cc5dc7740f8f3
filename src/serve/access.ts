import type { FastifyRequest } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import type { Principal, Services } from './services.ts';
import { sessionToken } from './session-cookie.ts';

/** Lets through who has one of the route's roles, by key or by session. */
export function checkAccess(request: FastifyRequest, services: Services): void {
  const { roles } = request.routeOptions.config;
  if (!roles || !services.requiresKeys) return;
  const principal = whoAsks(request, services);
  request.principal = principal;
  if (!principal) throw unauthenticated(request);
  if (!principal.roles.includes('admin') && !roles.some((role) => principal.roles.includes(role)))
    throw new MillraceError(
      'MR_ACCESS_DENIED',
      `${principal.kind === 'key' ? 'Key' : 'User'} ${principal.id} has the roles ${principal.roles.join(', ')}; this needs ${roles.join(' or ')}.`,
    );
}

/** Only who owns the data folder, by the key of `run.json`: the request names places of this machine. */
export function checkOwner(request: FastifyRequest, services: Services): void {
  const principal = whoAsks(request, services);
  if (principal?.kind === 'key' && principal.id === 'local') return;
  throw new MillraceError(
    'MR_ACCESS_DENIED',
    'This writes to folders of the server, and so is for who owns the data folder: use `millrace backup` there.',
  );
}

function unauthenticated({ headers }: FastifyRequest): MillraceError {
  const { authorization } = headers;
  const isBearer = authorization !== undefined && BEARER.test(authorization);
  const problem =
    authorization === undefined
      ? 'This server wants a key or a login: send `Authorization: Bearer mr_…`, or log in with POST /v1/session.'
      : isBearer
        ? 'The key of this request is not known here, or was revoked.'
        : 'The Authorization header of this request is not of the form `Bearer mr_…`.';
  return new MillraceError(
    'MR_ACCESS_UNAUTHENTICATED',
    `${problem} An administrator makes keys with \`millrace keys create --role producer\` and users with \`millrace users add NAME --role reader\`.`,
  );
}

const BEARER = /^Bearer (\S+)$/;

function whoAsks(request: FastifyRequest, services: Services): Principal | undefined {
  const { authorization, cookie } = request.headers;
  if (authorization !== undefined) {
    const key = BEARER.exec(authorization)?.[1];
    return key === undefined ? undefined : services.authenticate(key);
  }
  const token = sessionToken(cookie);
  const user = token === undefined ? undefined : services.logins.user(token);
  if (!user) return undefined;
  checkOwnPage(request);
  return { kind: 'user', id: user.name, roles: user.roles };
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A browser sends the cookie whoever wrote the page; only our own page may change something with it. */
export function checkOwnPage(request: FastifyRequest): void {
  if (!READING.has(request.method) && cameFromOwnPage(request) !== true) throw foreignPage();
}

/** For requests that come without a cookie: a program may send them, a page of another origin may not. */
export function checkNoForeignPage(request: FastifyRequest): void {
  if (cameFromOwnPage(request) === false) throw foreignPage();
}

/** Undefined where it came from no browser: those tell the origin of each request that is not a GET. */
function cameFromOwnPage({ headers }: FastifyRequest): boolean | undefined {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  if (headers.origin === undefined) return undefined;
  return (
    URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host?.toLowerCase()
  );
}

const foreignPage = (): MillraceError =>
  new MillraceError(
    'MR_REQUEST_ORIGIN',
    'Only pages of this server may log in, or change something with a session cookie: the browser must send `Sec-Fetch-Site: same-origin`, or an Origin that is the Host. Programs send a key instead.',
  );
