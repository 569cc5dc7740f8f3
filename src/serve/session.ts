import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import type { User } from '../govern/user-store.ts';
import { checkNoForeignPage, checkOwnPage } from './access.ts';
import { members } from './admin.ts';
import type { Services } from './services.ts';
import { NO_SESSION_COOKIE, sessionCookie, sessionToken } from './session-cookie.ts';

/** Logging in and out, and the claim of the first start. */
export async function sessionRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  server.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
  });
  server.get('/v1/session', async (request) => answer(currentUser(request, services), services));
  server.post('/v1/session', async (request, reply) => {
    checkNoForeignPage(request);
    checkKeepsCookie(request);
    const { name, password } = members(request.body, ['name', 'password']);
    const login = { ...nameAndPassword(name, password), ...browserOf(request) };
    const { token, user } = await services.logins.login(login).catch((error: unknown) => {
      throw withRetryAfter(error, reply);
    });
    reply.header('set-cookie', sessionCookie(token));
    return answer(user, services);
  });
  server.delete('/v1/session', async (request, reply) => {
    const token = sessionToken(request.headers.cookie);
    if (token !== undefined) {
      checkOwnPage(request);
      await services.logins.logout(token);
    }
    reply.header('set-cookie', NO_SESSION_COOKIE);
    return answer(undefined, services);
  });
  server.post('/v1/claim', async (request, reply) => {
    checkNoForeignPage(request);
    const { token, name, password } = members(request.body, ['token', 'name', 'password']);
    if (typeof token !== 'string')
      throw new MillraceError('MR_REQUEST_INVALID', "'token' must be the claim token.");
    if (name === undefined && password === undefined) return services.claimKey(token);
    checkKeepsCookie(request);
    const claimed = await services.claimUser(token, {
      ...nameAndPassword(name, password),
      replaces: sessionToken(request.headers.cookie),
    });
    reply.header('set-cookie', sessionCookie(claimed.token));
    return answer(claimed.user, services);
  });
}

function currentUser(request: FastifyRequest, services: Services): User | undefined {
  const token = sessionToken(request.headers.cookie);
  return token === undefined ? undefined : services.logins.user(token);
}

/** Where nothing asks for a login, whoever comes may do everything. */
function answer(user: User | undefined, services: Services): object {
  const { requiresKeys } = services;
  const roles = requiresKeys ? (user?.roles ?? []) : ['admin'];
  const isClaimable = requiresKeys && services.isClaimable();
  return { user: user?.name ?? null, roles, requiresLogin: requiresKeys, isClaimable };
}

function nameAndPassword(name: unknown, password: unknown): { name: string; password: string } {
  if (typeof name === 'string' && typeof password === 'string') return { name, password };
  throw new MillraceError('MR_REQUEST_INVALID', "'name' and 'password' must be texts.");
}

function browserOf(request: FastifyRequest): { address: string; replaces: string | undefined } {
  return { address: clientAddress(request), replaces: sessionToken(request.headers.cookie) };
}

const LOOPBACK = /^(localhost|::1|\[::1\]|(::ffff:)?127\.[\d.]+)$/;

/** Browsers drop a Secure cookie that comes over plain HTTP from elsewhere: the login would seem to work and be gone. */
function checkKeepsCookie({ headers: { origin = '' } }: FastifyRequest): void {
  const page = URL.canParse(origin) ? new URL(origin) : undefined;
  if (page?.protocol !== 'http:' || LOOPBACK.test(page.hostname)) return;
  throw new MillraceError(
    'MR_REQUEST_ORIGIN',
    `Over ${origin} the password could be read on the way, and browsers do not keep the session. Put a proxy with TLS in front (docs/guide/access.md), or log in on the machine itself.`,
  );
}

/** An IPv6 address with its zone; more is no address, and would fill the memory of the count. */
const ADDRESS_CHARACTERS_MAX = 64;

/** Behind a proxy on this machine: what it appended to X-Forwarded-For. What stands before is the client's own word. */
function clientAddress(request: FastifyRequest): string {
  const peer = request.ip;
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .at(-1)
    ?.trim();
  return LOOPBACK.test(peer) && forwarded ? forwarded.slice(0, ADDRESS_CHARACTERS_MAX) : peer;
}

function withRetryAfter(error: unknown, reply: FastifyReply): unknown {
  const seconds = error instanceof MillraceError && error.details['retryAfterSeconds'];
  if (typeof seconds === 'number') reply.header('retry-after', String(seconds));
  return error;
}
