import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const PIPELINE = `
import { field as f, lookup, model, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.string() } });
export const by_id = lookup('by_id', { from: sales, key: 'id' });
export const m = model('m', { sql: sql\`select id from \${sales}\`, schedule: 'manual' });
`;

const start = (folder: string, source: string | undefined = PIPELINE) =>
  startPipeline(folder, source, { mode: 'start' });
const tokenOf = (pipeline: RunningPipeline) =>
  (pipeline.events[0]?.['keys'] as { claim?: string } | undefined)?.claim;
const modeOf = (path: string) => statSync(path).mode & 0o777;

async function call(
  pipeline: RunningPipeline,
  method: string,
  path: string,
  key?: string,
  body?: object,
) {
  const response = await fetch(`${pipeline.url}${path}`, {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    body: (await response.json().catch(() => ({}))) as {
      id: string;
      secret: string;
      keys: object[];
      error?: { code: string; message: string };
    },
  };
}

async function claimed(pipeline: RunningPipeline): Promise<string> {
  const { body } = await call(pipeline, 'POST', '/v1/claim', undefined, {
    token: tokenOf(pipeline),
  });
  return body.secret;
}

async function makeKey(pipeline: RunningPipeline, admin: string, ...roles: string[]) {
  const { status, body } = await call(pipeline, 'POST', '/v1/keys', admin, {
    roles,
    label: roles.join(),
  });
  expect(status).toBe(201);
  return body;
}

/** Every file below a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test('the first start prints a claim token and keeps it, readable by the owner only; it gives one admin key, once', async () => {
  const folder = temporaryFolder();
  const pipeline = await start(folder);
  const data = join(folder, '.millrace');
  const token = tokenOf(pipeline) as string;
  expect(token).toMatch(/^[\w-]{32}$/);
  expect(readFileSync(join(data, 'claim-token'), 'utf8').trim()).toBe(token);
  const paths = ['claim-token', 'run.json', '.', 'system'].map((name) => join(data, name));
  expect(paths.map(modeOf)).toEqual([0o600, 0o600, 0o700, 0o700]);

  const wrong = await call(pipeline, 'POST', '/v1/claim', undefined, { token: 'x'.repeat(32) });
  expect([wrong.status, wrong.body.error?.code]).toEqual([403, 'MR_ACCESS_DENIED']);
  const both = await Promise.all(
    [1, 2].map(() => call(pipeline, 'POST', '/v1/claim', undefined, { token })),
  );
  expect(both.map(({ status }) => status).sort(), 'of two at once one gets it').toEqual([200, 410]);
  const admin = both.find(({ status }) => status === 200)?.body.secret as string;
  expect(admin).toMatch(/^mr_[0-9a-f]{12}_[\w-]{32}$/);
  const second = await call(pipeline, 'POST', '/v1/claim', undefined, { token });
  expect([second.status, second.body.error?.code]).toEqual([410, 'MR_ACCESS_CLAIMED']);
  expect(existsSync(join(data, 'claim-token'))).toBe(false);
  expect((await call(pipeline, 'GET', '/v1/keys', admin)).status).toBe(200);

  expect(await pipeline.stop()).toBe(0);
  const again = await start(folder, undefined);
  expect(tokenOf(again), 'there is an administrator already').toBeUndefined();
  expect((await call(again, 'GET', '/v1/keys', admin)).status, 'keys outlive the process').toBe(
    200,
  );
});

test('an unused claim token is the same at the next start', async () => {
  const folder = temporaryFolder();
  const pipeline = await start(folder);
  const token = tokenOf(pipeline);
  await pipeline.kill();
  expect(tokenOf(await start(folder, undefined))).toBe(token);
});

const ROUTES: readonly [
  method: string,
  path: string,
  body: object | undefined,
  roles: readonly string[],
][] = [
  ['POST', '/v1/streams/sales/records', { id: 'a' }, ['producer', 'admin']],
  ['POST', '/v1/sql', { sql: 'select 1' }, ['reader', 'admin']],
  ['GET', '/v1/lookups/by_id/a', undefined, ['reader', 'admin']],
  ['GET', '/v1/status', undefined, ['reader', 'admin']],
  ['GET', '/v1/plan', undefined, ['reader', 'admin']],
  ['POST', '/v1/models/nothing/runs', undefined, ['admin']],
  ['POST', '/v1/lookups/nothing/replay', { stream: 'sales' }, ['admin']],
  ['POST', '/v1/backup', {}, ['admin']],
  ['POST', '/v1/verify', { name: 'nothing' }, ['admin']],
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
  ['GET', '/healthz', undefined, ['nobody', 'producer', 'reader', 'admin']],
  ['GET', '/readyz', undefined, ['nobody', 'producer', 'reader', 'admin']],
  ['GET', '/metrics', undefined, ['nobody', 'producer', 'reader', 'admin']],
  ['GET', '/openapi.json', undefined, ['nobody', 'producer', 'reader', 'admin']],
];

test('each role may do what it is for and nothing else, on every route', async () => {
  const pipeline = await start(temporaryFolder());
  const admin = await claimed(pipeline);
  const keys: { [role: string]: string | undefined } = {
    nobody: undefined,
    'a wrong key': `mr_${'0'.repeat(12)}_${'A'.repeat(32)}`,
    'no key of ours': 'secret',
    producer: (await makeKey(pipeline, admin, 'producer')).secret,
    reader: (await makeKey(pipeline, admin, 'reader')).secret,
    admin,
  };
  for (const [method, path, body, allowed] of ROUTES) {
    for (const [role, key] of Object.entries(keys)) {
      const answer = await call(pipeline, method, path, key, body);
      const what = `${role}: ${method} ${path}`;
      const open = allowed.includes('nobody');
      if (open || allowed.includes(role)) expect([401, 403], what).not.toContain(answer.status);
      else if (['producer', 'reader'].includes(role)) {
        expect([answer.status, answer.body.error?.code], what).toEqual([403, 'MR_ACCESS_DENIED']);
        expect(answer.body.error?.message, what).toContain(allowed[0]);
      } else {
        expect([answer.status, answer.body.error?.code], what).toEqual([
          401,
          'MR_ACCESS_UNAUTHENTICATED',
        ]);
        expect(answer.body.error?.message, what).toMatch(
          role === 'nobody' ? /wants a key or a login/ : /key .* is not known here, or was revoked/,
        );
      }
    }
  }
  const two = (await makeKey(pipeline, admin, 'producer', 'reader')).secret;
  expect([
    (await call(pipeline, 'POST', '/v1/sql', two, { sql: 'select count(*) from lake.sales' }))
      .status,
    (await call(pipeline, 'POST', '/v1/streams/sales/records', two, { id: 'b' })).status,
  ]).toEqual([200, 200]);
  for (const roles of [['root'], [], 'admin', undefined])
    expect(
      (await call(pipeline, 'POST', '/v1/keys', admin, { roles })).status,
      JSON.stringify(roles),
    ).toBe(400);
});

test('a revoked key is refused at once, also after a restart', async () => {
  const folder = temporaryFolder();
  const pipeline = await start(folder);
  const admin = await claimed(pipeline);
  const { id, secret } = await makeKey(pipeline, admin, 'reader');
  expect((await call(pipeline, 'GET', '/v1/status', secret)).status).toBe(200);
  expect((await call(pipeline, 'DELETE', `/v1/keys/${id}`, admin)).status).toBe(200);
  expect((await call(pipeline, 'GET', '/v1/status', secret)).status).toBe(401);
  expect((await call(pipeline, 'DELETE', `/v1/keys/${id}`, admin)).status, 'twice').toBe(404);
  await pipeline.kill();
  expect((await call(await start(folder, undefined), 'GET', '/v1/status', secret)).status).toBe(
    401,
  );
});

test('secrets are shown once: no list, log or stored file has them', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE, {
    mode: 'start',
    env: { MILLRACE_LOG: 'trace' },
  });
  const token = tokenOf(pipeline) as string;
  const admin = await claimed(pipeline);
  const { secret } = await makeKey(pipeline, admin, 'producer', 'reader');
  await call(pipeline, 'POST', '/v1/streams/sales/records', secret, { id: 'a' });
  await call(pipeline, 'POST', '/v1/sql', secret, { sql: 'select nonsense' });
  await call(pipeline, 'GET', '/v1/keys', secret);
  const listed = await call(pipeline, 'GET', '/v1/keys', admin);
  expect(listed.body.keys).toHaveLength(2);
  expect(Object.keys(listed.body.keys[0] as object).sort()).toEqual([
    'created',
    'id',
    'label',
    'revoked',
    'roles',
  ]);
  const { key: local } = JSON.parse(readFileSync(join(folder, '.millrace/run.json'), 'utf8')) as {
    key: string;
  };
  const said = `${pipeline.errors()}${JSON.stringify(pipeline.events.slice(1))}${JSON.stringify(listed.body)}`;
  expect(await pipeline.stop()).toBe(0);
  const stored = filesIn(join(folder, '.millrace')).map((path) => readFileSync(path, 'latin1'));
  for (const [name, value] of Object.entries({ admin, secret, local, token })) {
    expect(said.includes(value) || pipeline.errors().includes(value), `${name} in the log`).toBe(
      false,
    );
    expect(
      stored.some((text) => text.includes(value)),
      `${name} in a stored file`,
    ).toBe(false);
  }
  expect(existsSync(join(folder, '.millrace/run.json'))).toBe(false);
});

test('the key of run.json ends with its process', async () => {
  const folder = temporaryFolder();
  const pipeline = await start(folder);
  const { key } = JSON.parse(readFileSync(join(folder, '.millrace/run.json'), 'utf8')) as {
    key: string;
  };
  expect((await call(pipeline, 'GET', '/v1/keys', key)).status).toBe(200);
  await pipeline.kill();
  expect((await call(await start(folder, undefined), 'GET', '/v1/keys', key)).status).toBe(401);
});

test('`keys` makes, lists and revokes keys, whether a process runs or not', async () => {
  const folder = temporaryFolder();
  const pipeline = await start(folder);
  const keys = async (...args: string[]) => {
    const { code, out, err } = await millrace(['keys', ...args, '--pipeline', folder, '--json']);
    return {
      code,
      err,
      answer: JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as {
        event: string;
        id: string;
        secret: string;
        roles: string[];
        keys: { id: string; label: string; revoked: string | null }[];
        code: string;
      },
    };
  };
  const made = (await keys('create', '--role', 'producer,reader', '--label', 'web shop')).answer;
  expect(made).toMatchObject({
    event: 'done',
    roles: ['producer', 'reader'],
    id: expect.stringMatching(/^[0-9a-f]{12}$/),
    secret: expect.stringMatching(/^mr_/),
  });
  expect((await call(pipeline, 'GET', '/v1/status', made.secret)).status).toBe(200);
  expect(await pipeline.stop()).toBe(0);

  expect((await keys('list')).answer.keys).toMatchObject([
    { id: made.id, label: 'web shop', revoked: null },
  ]);
  expect((await keys('revoke', made.id)).answer).toMatchObject({ event: 'done', revoked: made.id });
  const nothing = await keys('revoke', 'nothing');
  expect([nothing.code, nothing.answer]).toMatchObject([
    1,
    { event: 'error', code: 'MR_REQUEST_NOT_FOUND' },
  ]);
  const wrong = await keys('create', '--role', 'root');
  expect([wrong.code, wrong.err]).toMatchObject([
    1,
    expect.stringMatching(/producer, reader, admin/),
  ]);
  const again = await start(folder, undefined);
  expect((await call(again, 'GET', '/v1/status', made.secret)).status).toBe(401);
});

test('`dev` asks for no key, and so listens on this machine only', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  expect(new URL(pipeline.url).hostname).toBe('127.0.0.1');
  expect((await call(pipeline, 'GET', '/v1/keys')).status).toBe(200);
  const outside = await millrace([
    'dev',
    folder,
    '--host',
    '0.0.0.0',
    '--port',
    '0',
    '--data',
    join(folder, 'other'),
  ]);
  expect([outside.code, outside.err]).toMatchObject([
    1,
    expect.stringMatching(/`dev` asks for no keys.*use `millrace start`/),
  ]);
});
