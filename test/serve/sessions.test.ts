import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { AppOptions } from '../../src/app/app.ts';
import { systemClock } from '../../src/core/clock.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';

const PIPELINE = `
import { field as f, lookup, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.string() } });
export const by_id = lookup('by_id', { from: sales, key: 'id' });
`;
const ANN = { name: 'ann@example.com', password: 'correct horse' };
const COOKIE = '__Host-millrace';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly user?: string | null;
    readonly error?: { readonly code: string; readonly message: string };
    readonly [name: string]: unknown;
  };
  /** What a browser would send from now on. */
  readonly cookie: string;
}

/** A server that asks for logins, in this process. */
async function served(options: Partial<AppOptions> = {}) {
  const folder = temporaryFolder();
  const app = await startApp(folder, PIPELINE, { mode: 'start', ...options });
  const url = app.address;
  const call = async (
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
    const answer = (await response.json()) as Answer['body'];
    return { status: response.status, headers: response.headers, body: answer, cookie };
  };
  /** As a page of the server does. */
  const page =
    (cookie: string) =>
    (method: string, path: string, body?: object): Promise<Answer> =>
      call(method, path, body, { cookie, origin: url, 'sec-fetch-site': 'same-origin' });
  const local = { authorization: `Bearer ${app.localKey}` };
  const addUser = (name: string, ...roles: string[]) =>
    call('POST', '/v1/users', { name, roles, password: ANN.password }, local);
  const login = async (name: string, headers: Record<string, string> = {}) =>
    call('POST', '/v1/session', { name, password: ANN.password }, headers);
  const { port } = new URL(url);
  return { app, url, port, call, page, local, addUser, login };
}

const NOBODY = { user: null, roles: [], requiresLogin: true, isClaimable: true };

describe('logging in and out', () => {
  test('the claim token with name and password makes the first user, an administrator, and logs in', async () => {
    const { app, call, page } = await served();
    const token = await app.claim.token();
    const claim = (body: object) => call('POST', '/v1/claim', body);
    const refusals: [object, number, RegExp][] = [
      [{ token: 'x'.repeat(32), ...ANN }, 403, /not the claim token/],
      [{ token, ...ANN, password: 'short' }, 400, /at least 8/],
      [{ token, ...ANN, name: 'a b' }, 400, /no name of a user/],
      [{ token, name: ANN.name }, 400, /'name' and 'password'/],
      [ANN, 400, /'token'/],
    ];
    for (const [body, status, says] of refusals) {
      const answer = await claim(body);
      expect([answer.status, answer.body.error?.message]).toEqual([
        status,
        expect.stringMatching(says),
      ]);
    }
    const claimed = await claim({ token, ...ANN });
    const session = { user: ANN.name, roles: ['admin'], requiresLogin: true, isClaimable: false };
    expect([claimed.status, claimed.body]).toEqual([200, session]);
    expect((await page(claimed.cookie)('GET', '/v1/session')).body).toEqual(session);
    expect((await page(claimed.cookie)('GET', '/v1/keys')).body['keys'], 'no key is made').toEqual(
      [],
    );
    expect((await claim({ token, ...ANN, name: 'bob' })).status, 'once').toBe(410);
    expect(await app.claim.token()).toBeUndefined();
  });

  test('of two that claim at once, one becomes administrator', async () => {
    const { app, call, local } = await served();
    const token = await app.claim.token();
    const both = await Promise.all(
      ['ann', 'bob'].map((name) => call('POST', '/v1/claim', { ...ANN, token, name })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 410]);
    expect((await call('GET', '/v1/users', undefined, local)).body['users']).toHaveLength(1);
  });

  test('a login sets a cookie that scripts, other sites and plain connections do not get; logging out ends it', async () => {
    const { addUser, login, call, page } = await served();
    await addUser(ANN.name, 'reader');
    const { status, headers, body, cookie } = await login(' ANN@example.com');
    const session = { user: ANN.name, roles: ['reader'], requiresLogin: true, isClaimable: true };
    expect([status, body]).toEqual([200, session]);
    expect(headers.get('set-cookie')).toMatch(
      /^__Host-millrace=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=1209600$/,
    );
    const ann = page(cookie);
    expect((await ann('GET', '/v1/session')).body).toEqual(session);
    expect((await ann('GET', '/v1/status')).status).toBe(200);
    const out = await ann('DELETE', '/v1/session');
    expect([out.status, out.body, out.headers.get('set-cookie')]).toEqual([
      200,
      NOBODY,
      '__Host-millrace=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0',
    ]);
    expect((await ann('GET', '/v1/session')).body).toEqual(NOBODY);
    expect((await ann('GET', '/v1/status')).status).toBe(401);
    expect((await call('DELETE', '/v1/session')).status, 'nobody may log out too').toBe(200);
  });

  test('`GET /v1/session` never fails', async () => {
    const { call } = await served();
    const cookies = ['', 'a=b', `${COOKIE}=`, `${COOKIE}=nonsense`, `x${COOKIE}=1; ;=; ${COOKIE}`];
    for (const cookie of cookies) {
      const { status, body } = await call('GET', '/v1/session', undefined, { cookie });
      expect([status, body], cookie).toEqual([200, NOBODY]);
    }
  });

  test('each login has a new token; one that the browser sent before, or was given, is worth nothing then', async () => {
    const { addUser, login, page, url } = await served();
    await addUser('ann', 'reader');
    const planted = `${COOKIE}=${'A'.repeat(43)}`;
    const first = await login('ann', { cookie: planted });
    const second = await login('ann', { cookie: `other=1; ${first.cookie}`, origin: url });
    const elsewhere = await login('ann');
    const statuses = [planted, first.cookie, second.cookie, elsewhere.cookie].map(
      async (cookie) => (await page(cookie)('GET', '/v1/status')).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 401, 200, 200]);
  });

  test('wrong password and unknown name are answered the same, and set no cookie', async () => {
    const { addUser, call } = await served();
    await addUser('ann', 'reader');
    for (const name of ['ann', 'bob']) {
      const answer = await call('POST', '/v1/session', { name, password: 'wrong horse' });
      expect([answer.status, answer.body, answer.cookie]).toEqual([
        401,
        { error: { code: 'MR_ACCESS_LOGIN', message: 'Name or password is wrong.' } },
        '',
      ]);
    }
    for (const body of [{}, { name: 'ann' }, { name: 1, password: 2 }, { ...ANN, more: 1 }, []])
      expect((await call('POST', '/v1/session', body)).status).toBe(400);
  });

  test('a name that was guessed at too often waits, also with the right password; sessions go on', async () => {
    const { addUser, login, call, page } = await served();
    await addUser('ann', 'reader');
    const { cookie } = await login('ann');
    for (let n = 0; n < LIMITS.loginFailuresPerUserMax; n++)
      expect(
        (await call('POST', '/v1/session', { name: 'ann', password: `guess ${n}` })).status,
      ).toBe(401);
    const late = await login('ann');
    expect([late.status, late.body.error?.code, late.cookie]).toEqual([
      429,
      'MR_ACCESS_THROTTLED',
      '',
    ]);
    const seconds = Number(late.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(LIMITS.loginFailureWindowMs / 1000);
    expect((await page(cookie)('GET', '/v1/status')).status).toBe(200);
  });

  test('behind a proxy on this machine the address that counts is what the proxy appended, not what the client said', async () => {
    const addresses: unknown[] = [];
    const info = (fields: object) => addresses.push((fields as { address?: string }).address);
    const { call } = await served({ logger: { ...silentLogger, info } });
    for (const forwarded of ['192.0.2.1', '10.0.0.1, 10.0.0.2,192.0.2.2 ', '', 'x'.repeat(5000)])
      await call('POST', '/v1/session', ANN, { 'x-forwarded-for': forwarded });
    expect(addresses).toEqual(['192.0.2.1', '192.0.2.2', '127.0.0.1', 'x'.repeat(64)]);
  });

  test('a page that came over plain HTTP from elsewhere is told why it cannot log in', async () => {
    const { app, addUser, port } = await served({ allowedHosts: ['box.example'] });
    await addUser('ann', 'reader');
    const post = (path: string, body: object, origin: string) =>
      new Promise<[status: number | undefined, text: string]>((resolve) => {
        const headers = {
          host: new URL(origin).host,
          origin,
          'content-type': 'application/json',
        };
        const options = { host: '127.0.0.1', port, method: 'POST', path, headers };
        request(options, (response) => {
          text(response).then((answer) => resolve([response.statusCode, answer]));
        }).end(JSON.stringify(body));
      });
    const login = { name: 'ann', password: ANN.password };
    const told = [403, expect.stringMatching(/MR_REQUEST_ORIGIN.*proxy with TLS/)];
    expect(await post('/v1/session', login, `http://box.example:${port}`)).toEqual(told);
    const claim = { token: await app.claim.token(), ...ANN };
    expect(await post('/v1/claim', claim, `http://box.example:${port}`)).toEqual(told);
    expect((await post('/v1/session', login, 'https://box.example'))[0]).toBe(200);
    expect((await post('/v1/session', login, `http://localhost:${port}`))[0]).toBe(200);
  });

  test('sessions end by themselves: idle for a day, or two weeks old', async () => {
    let aheadMs = 0;
    const clock = { ...systemClock, now: () => Date.now() + aheadMs };
    const { addUser, login, page, call, local } = await served({ clock });
    await addUser('ann', 'reader');
    const ann = page((await login('ann')).cookie);
    const status = async () => {
      const answer = await ann('GET', '/v1/status');
      // That the session is in use is written after the answer, but before this.
      await call('POST', '/v1/keys', { roles: ['reader'] }, local);
      return answer.status;
    };
    const hours = 60 * 60 * 1000;
    for (let hour = 0; hour < 14 * 24; hour += 23) {
      aheadMs = hour * hours;
      expect(await status(), `after ${hour} hours`).toBe(200);
    }
    aheadMs = 14 * 24 * hours + 60_000;
    expect(await status(), 'too old').toBe(401);
    const again = page((await login('ann')).cookie);
    aheadMs += 24 * hours;
    expect((await again('GET', '/v1/session')).body, 'idle').toEqual(NOBODY);
  });

  test('answers about sessions and users are not to be stored, refusals neither', async () => {
    const { call, login, addUser, local } = await served();
    await addUser('ann', 'reader');
    const answers = [
      await login('ann'),
      await login('bob'),
      await call('GET', '/v1/session'),
      await call('DELETE', '/v1/session'),
      await call('POST', '/v1/claim', { token: 'x' }),
      await call('GET', '/v1/users', undefined, local),
    ];
    for (const { headers } of answers) expect(headers.get('cache-control')).toBe('no-store');
  });

  test('where nothing asks for a login, whoever comes may do everything', async () => {
    const { call } = await served({ mode: 'dev' });
    const { status, body } = await call('GET', '/v1/session');
    expect([status, body]).toEqual([
      200,
      { user: null, roles: ['admin'], requiresLogin: false, isClaimable: false },
    ]);
  });
});

describe('requests with a session cookie', () => {
  test('change something only when a page of this server sends them', async () => {
    const { addUser, login, call, url, port } = await served();
    await addUser('ann', 'admin');
    const senders: [what: string, headers: Record<string, string>, allowed: boolean][] = [
      ['our page', { origin: url, 'sec-fetch-site': 'same-origin' }, true],
      ['our page in an old browser', { origin: url }, true],
      ['our page behind a proxy', { 'sec-fetch-site': 'same-origin' }, true],
      ['no page', {}, false],
      ['a page on another port', { origin: 'http://127.0.0.1:1' }, false],
      ['a page on another port', { origin: url, 'sec-fetch-site': 'same-site' }, false],
      ['a page of another name of this machine', { origin: `http://localhost:${port}` }, false],
      ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, false],
      ['a sandboxed frame', { origin: 'null' }, false],
      ['the address bar', { 'sec-fetch-site': 'none' }, false],
    ];
    type Change = [method: string, path: string, body: object | undefined];
    const LOG_OUT: Change = ['DELETE', '/v1/session', undefined];
    const changes: Change[] = [
      ['POST', '/v1/streams/sales/records', { id: 'a' }],
      ['POST', '/v1/streams/sales/shards', { count: 1 }],
      ['POST', '/v1/streams/sales/redrive', {}],
      ['PUT', '/v1/streams/sales/consumers/one', { next: '0' }],
      ['DELETE', '/v1/streams/sales/consumers/one', undefined],
      ['POST', '/v1/sql', { sql: 'select 1' }],
      ['POST', '/v1/keys', { roles: ['reader'] }],
      ['DELETE', '/v1/keys/nothing', undefined],
      ['POST', '/v1/users', { name: 'x', roles: ['reader'], password: 'short' }],
      ['PATCH', '/v1/users/nobody', { roles: ['reader'] }],
      ['DELETE', '/v1/users/nobody', undefined],
    ];
    for (const [what, headers, allowed] of senders) {
      const { cookie } = await login('ann');
      for (const [method, path, body] of [...changes, LOG_OUT]) {
        const answer = await call(method, path, body, { cookie, ...headers });
        const says = `${what}: ${method} ${path}`;
        if (allowed) expect([401, 403], says).not.toContain(answer.status);
        else
          expect([answer.status, answer.body.error?.code], says).toEqual([
            403,
            expect.stringMatching(/^MR_REQUEST_(ORIGIN|HOST)$/),
          ]);
      }
      const { user } = (await call('GET', '/v1/session', undefined, { cookie })).body;
      expect(user, `${what}: logged in still`).toBe(allowed ? null : 'ann');
    }
  });

  test('a login, too, is not for pages of other origins: they could log a person in as somebody else', async () => {
    const { addUser, login, app, call } = await served();
    await addUser('ann', 'reader');
    for (const headers of [{ origin: 'http://127.0.0.1:1' }, { 'sec-fetch-site': 'same-site' }]) {
      const answer = await login('ann', headers);
      expect([answer.status, answer.cookie]).toEqual([403, '']);
      const claim = await call(
        'POST',
        '/v1/claim',
        { token: await app.claim.token(), ...ANN },
        headers,
      );
      expect([claim.status, claim.cookie]).toEqual([403, '']);
    }
    expect((await login('ann')).status, 'a program').toBe(200);
  });

  test('a key that is sent counts alone: a wrong one is not made good by the cookie', async () => {
    const { addUser, login, call, url } = await served();
    await addUser('ann', 'admin');
    const { cookie } = await login('ann');
    for (const authorization of ['Bearer mr_nothing', 'Basic YTpi', '']) {
      const answer = await call('GET', '/v1/keys', undefined, {
        cookie,
        authorization,
        origin: url,
      });
      expect(answer.status, authorization).toBe(401);
    }
  });
});

const ROUTES: readonly [
  method: string,
  path: string,
  body: object | undefined,
  roles: readonly string[],
][] = [
  ['POST', '/v1/streams/sales/records', { id: 'a' }, ['producer', 'admin']],
  ['GET', '/v1/streams/sales/shards', undefined, ['reader', 'admin']],
  ['POST', '/v1/streams/sales/shards', { count: 1 }, ['admin']],
  ['POST', '/v1/streams/sales/redrive', { where: 5 }, ['admin']],
  ['GET', '/v1/streams/sales/consumers', undefined, ['reader', 'admin']],
  ['PUT', '/v1/streams/sales/consumers/one', { next: '0' }, ['reader', 'admin']],
  ['DELETE', '/v1/streams/sales/consumers/one', undefined, ['admin']],
  ['GET', '/v1/streams/sales/records?from=none', undefined, ['reader', 'admin']],
  ['POST', '/v1/sql', { sql: 'select 1' }, ['reader', 'admin']],
  ['POST', '/v1/sql/completions', { sql: 'select ' }, ['reader', 'admin']],
  ['GET', '/v1/queries', undefined, ['reader', 'admin']],
  ['DELETE', '/v1/queries/none', undefined, ['reader', 'admin']],
  ['GET', '/v1/saved-queries', undefined, ['reader', 'admin']],
  ['PUT', '/v1/saved-queries/mine', { sql: 'select 1' }, ['reader', 'admin']],
  ['DELETE', '/v1/saved-queries/none', undefined, ['reader', 'admin']],
  ['GET', '/v1/lookups/by_id/a', undefined, ['reader', 'admin']],
  ['GET', '/v1/dashboards', undefined, ['reader', 'admin']],
  ['GET', '/v1/dashboards/nothing', undefined, ['reader', 'admin']],
  ['POST', '/v1/dashboards/nothing/answers', {}, ['reader', 'admin']],
  ['GET', '/v1/dashboards/nothing/changes', undefined, ['reader', 'admin']],
  ['GET', '/v1/status', undefined, ['reader', 'admin']],
  ['GET', '/v1/plan', undefined, ['reader', 'admin']],
  ['GET', '/v1/dashboards', undefined, ['reader', 'admin']],
  ['GET', '/v1/dashboards/nothing', undefined, ['reader', 'admin']],
  ['POST', '/v1/dashboards/nothing/answers', {}, ['reader', 'admin']],
  ['GET', '/v1/dashboards/nothing/changes', undefined, ['reader', 'admin']],
  ['POST', '/v1/models/nothing/runs', undefined, ['admin']],
  ['POST', '/v1/lookups/nothing/replay', { stream: 'sales' }, ['admin']],
  ['POST', '/v1/backup', {}, ['admin']],
  ['POST', '/v1/verify', { name: 'nothing' }, ['admin']],
  ['GET', '/v1/tables', undefined, ['reader', 'admin']],
  ['POST', '/v1/tables/lake/nothing/compact', {}, ['admin']],
  ['POST', '/v1/tables/lake/nothing/expire', {}, ['admin']],
  ['POST', '/v1/tables/lake/nothing/rollback', { to: '1' }, ['admin']],
  ['GET', '/v1/removed/nothing', undefined, ['admin']],
  ['DELETE', '/v1/removed/nothing', undefined, ['admin']],
  ['GET', '/v1/keys', undefined, ['admin']],
  ['POST', '/v1/keys', { roles: ['reader'] }, ['admin']],
  ['DELETE', '/v1/keys/nothing', undefined, ['admin']],
  ['GET', '/v1/users', undefined, ['admin']],
  ['POST', '/v1/users', { name: 'x', roles: ['reader'], password: 'short' }, ['admin']],
  ['PATCH', '/v1/users/nobody', { roles: ['reader'] }, ['admin']],
  ['DELETE', '/v1/users/nobody', undefined, ['admin']],
  ['GET', '/v1/session', undefined, ['nobody', 'producer', 'reader', 'admin']],
  ['GET', '/render/nothing.svg', undefined, ['reader', 'admin']],
  ['GET', '/render/nothing.png', undefined, ['reader', 'admin']],
  ['GET', '/render/nothing/chart.svg', undefined, ['reader', 'admin']],
  ['GET', '/render/nothing/chart.png', undefined, ['reader', 'admin']],
  ['GET', '/healthz', undefined, ['nobody', 'producer', 'reader', 'admin']],
  ['GET', '/readyz', undefined, ['nobody', 'producer', 'reader', 'admin']],
  ['GET', '/metrics', undefined, ['nobody', 'producer', 'reader', 'admin']],
  ['GET', '/openapi.json', undefined, ['nobody', 'producer', 'reader', 'admin']],
];

describe('roles', () => {
  test('of keys and of users open the same routes, and no others', async () => {
    const { call, page, local, addUser, login, url } = await served();
    const callers: [role: string, who: string, call: ReturnType<typeof page>][] = [
      ['nobody', 'nobody', (method, path, body) => call(method, path, body)],
      ['nobody', 'a wrong cookie', page(`${COOKIE}=${'A'.repeat(43)}`)],
    ];
    for (const role of ['producer', 'reader', 'admin']) {
      expect((await addUser(role, role)).status).toBe(201);
      callers.push([role, 'user', page((await login(role)).cookie)]);
      const key = await call('POST', '/v1/keys', { roles: [role] }, local);
      const authorization = `Bearer ${String(key.body['secret'])}`;
      callers.push([
        role,
        'key',
        (method, path, body) => call(method, path, body, { authorization }),
      ]);
    }
    for (const [method, path, body, allowed] of ROUTES) {
      for (const [role, who, ask] of callers) {
        const what = `${who} ${role}: ${method} ${path}`;
        if (path === '/metrics') {
          expect((await fetch(`${url}${path}`)).status).toBe(200);
          continue;
        }
        const answer = await ask(method, path, body);
        const { status } = answer;
        if (allowed.includes(role)) expect([401, 403], what).not.toContain(status);
        else
          expect([status, answer.body.error?.code], what).toEqual(
            role === 'nobody' ? [401, 'MR_ACCESS_UNAUTHENTICATED'] : [403, 'MR_ACCESS_DENIED'],
          );
        if (status === 403)
          expect(answer.body.error?.message, what).toMatch(
            who === 'user' ? new RegExp(`^User ${role} has the roles ${role};`) : /^Key [0-9a-f]+/,
          );
      }
    }
  });

  test('each route of the server is in the table above', async () => {
    const { call } = await served();
    const { paths } = (await call('GET', '/openapi.json')).body as unknown as {
      paths: { [path: string]: { [method: string]: object } };
    };
    const missing = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        // Programs of AWS sign: test/interop/aws-signatures.test.ts has who may do what.
        .filter((method) => !['/', '/v1/claim', '/v1/session'].includes(path) || method === 'get')
        .filter(
          (method) =>
            !ROUTES.some(
              ([name, address]) =>
                name.toLowerCase() === method &&
                new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(
                  address.replace(/\?.*/, ''),
                ),
            ),
        )
        .map((method) => `${method} ${path}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('users', () => {
  test('are added, listed without passwords, changed and removed by administrators', async () => {
    const { call, local } = await served();
    const users = (method: string, path: string, body?: object) =>
      call(method, `/v1/users${path}`, body, local);
    const added = await users('POST', '', { ...ANN, name: 'Ann@Example.com', roles: ['reader'] });
    expect([added.status, added.body]).toEqual([201, { name: ANN.name, roles: ['reader'] }]);
    expect((await users('GET', '')).body).toEqual({
      users: [{ name: ANN.name, roles: ['reader'], created: expect.stringMatching(/^\d{4}-.*Z$/) }],
    });
    const changed = await users('PATCH', '/ann%40example.com', { roles: ['admin'] });
    expect(changed.body).toEqual({ name: ANN.name, roles: ['admin'] });
    expect((await users('DELETE', `/${ANN.name}`)).body).toEqual({ removed: ANN.name });
    expect((await users('GET', '')).body).toEqual({ users: [] });
  });

  test('what is wrong with a user is said', async () => {
    const { addUser, call, local } = await served();
    await addUser('ann', 'reader');
    const good = { name: 'bob', roles: ['reader'], password: ANN.password };
    const cases: [string, string, object, number, RegExp][] = [
      ['POST', '', { ...good, name: 'ANN' }, 409, /a user 'ann' already.*users change ann/],
      ['POST', '', { ...good, password: '1234567' }, 400, /has 7 characters.*at least 8/],
      ['POST', '', { ...good, password: undefined }, 400, /'password' must be a text/],
      ['POST', '', { ...good, roles: ['root'] }, 400, /producer, reader, admin/],
      ['POST', '', { ...good, roles: [] }, 400, /producer, reader, admin/],
      ['POST', '', { ...good, name: '<b>' }, 400, /"<b>" is no name of a user/],
      ['POST', '', { ...good, admin: true }, 400, /no member 'admin'/],
      ['PATCH', '/ann', {}, 400, /'roles', a new 'password', or both/],
      ['PATCH', '/ann', { password: 'short' }, 400, /at least 8/],
      ['PATCH', '/bob', { roles: ['admin'] }, 404, /no user 'bob'/],
      ['DELETE', '/bob', {}, 404, /no user 'bob'/],
    ];
    for (const [method, path, body, status, says] of cases) {
      const answer = await call(method, `/v1/users${path}`, body, local);
      const what = `${method} ${path} ${JSON.stringify(body)}`;
      expect(answer.status, what).toBe(status);
      expect(answer.body.error?.message, what).toMatch(says);
    }
  });

  test('whose roles or password changed, or who was removed, must log in again', async () => {
    const { addUser, login, call, local, page } = await served();
    await addUser('bob', 'reader');
    const bob = page((await login('bob')).cookie);
    const changes: [string, object | undefined, number][] = [
      ['PATCH', { roles: ['admin'] }, 200],
      ['PATCH', { password: 'another horse' }, 401],
      ['DELETE', undefined, 401],
    ];
    for (const [method, body, loginStatus] of changes) {
      await addUser('ann', 'reader');
      await call('PATCH', '/v1/users/ann', { roles: ['reader'], password: ANN.password }, local);
      const ann = page((await login('ann')).cookie);
      expect((await ann('GET', '/v1/status')).status).toBe(200);
      await call(method, '/v1/users/ann', body, local);
      expect((await ann('GET', '/v1/status')).status, method).toBe(401);
      expect((await login('ann')).status, method).toBe(loginStatus);
    }
    expect((await bob('GET', '/v1/status')).status, 'others stay').toBe(200);
  });

  test('and their sessions outlive the process; passwords and tokens stand in no file', async () => {
    const folder = temporaryFolder();
    const options = { mode: 'start' as const };
    const app = await startApp(folder, PIPELINE, options);
    const claimed = await fetch(`${app.address}/v1/claim`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: await app.claim.token(), ...ANN }),
    });
    const cookie = (claimed.headers.get('set-cookie') ?? '').split(';')[0] as string;
    await app.stop({ deliver: false });
    const stored = readFileSync(join(folder, '.millrace/system/system.mdb'));
    expect([stored.includes(ANN.name), stored.includes('$scrypt$')]).toEqual([true, true]);
    for (const secret of [ANN.password, cookie.split('=')[1] as string])
      expect(stored.includes(secret)).toBe(false);
    const again = await startApp(folder, PIPELINE, options);
    const session = await fetch(`${again.address}/v1/session`, { headers: { cookie } });
    expect(await session.json()).toMatchObject({ user: ANN.name });
    expect(await again.claim.token(), 'there is an administrator').toBeUndefined();
  });
});
