import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { MILLRACE, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

const PIPELINE = `
import { field as f, lookup, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.string() } });
export const by_id = lookup('by_id', { from: sales, key: 'id' });
`;
const PASSWORD = 'correct horse battery';

const start = (folder: string, source: string | undefined = PIPELINE) =>
  startPipeline(folder, source, { mode: 'start', env: { MILLRACE_LOG: 'trace' } });
const tokenOf = (pipeline: RunningPipeline) =>
  (pipeline.events[0]?.['keys'] as { claim?: string } | undefined)?.claim;

async function call(
  pipeline: RunningPipeline,
  method: string,
  path: string,
  { body, cookie }: { body?: object; cookie?: string | undefined } = {},
) {
  const response = await fetch(`${pipeline.url}${path}`, {
    method,
    headers: {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(cookie === undefined ? {} : { cookie, origin: pipeline.url }),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    cookie: response.headers.get('set-cookie')?.split(';')[0],
    body: (await response.json()) as {
      readonly user?: string;
      readonly secret?: string;
      readonly error?: { readonly code: string };
      readonly rows?: unknown[][];
    },
  };
}

const login = (pipeline: RunningPipeline, name: string, password = PASSWORD) =>
  call(pipeline, 'POST', '/v1/session', { body: { name, password } });

async function users(folder: string, args: readonly string[], input?: string) {
  const options = input === undefined ? {} : { input };
  const { code, out, err } = await millrace(
    ['users', ...args, '--pipeline', folder, '--json'],
    options,
  );
  const answer = JSON.parse(out.trim().split('\n').at(-1) || '{}') as {
    readonly [name: string]: unknown;
  };
  return { code, err, answer };
}

test('from the claim token to a reader: claim, add, log in, read, log out; sessions outlive a crash, secrets stand nowhere', async () => {
  const folder = temporaryFolder();
  const pipeline = await start(folder);
  const token = tokenOf(pipeline) as string;
  const claim = { token, name: 'Boss@Example.com', password: PASSWORD };
  const boss = await call(pipeline, 'POST', '/v1/claim', { body: claim });
  expect([boss.status, boss.body]).toEqual([
    200,
    { user: 'boss@example.com', roles: ['admin'], requiresLogin: true, isClaimable: false },
  ]);
  const { cookie: admin } = boss;
  const ann = { name: 'ann', roles: ['reader'], password: `${PASSWORD} of ann` };
  expect((await call(pipeline, 'POST', '/v1/users', { body: ann, cookie: admin })).status).toBe(
    201,
  );
  const record = { body: { id: 'a' }, cookie: admin };
  expect((await call(pipeline, 'POST', '/v1/streams/sales/records', record)).status).toBe(200);

  expect((await login(pipeline, 'ann', 'wrong horse')).status).toBe(401);
  const { cookie: reader } = await login(pipeline, 'ann', ann.password);
  const sql = { body: { sql: 'select id from lake.sales' }, cookie: reader };
  expect((await call(pipeline, 'POST', '/v1/sql', sql)).body.rows).toEqual([['a']]);
  expect((await call(pipeline, 'GET', '/v1/users', { cookie: reader })).status).toBe(403);

  await pipeline.kill();
  const again = await start(folder, undefined);
  expect(tokenOf(again), 'there is an administrator').toBeUndefined();
  expect((await call(again, 'GET', '/v1/status', { cookie: reader })).status).toBe(200);
  expect((await call(again, 'DELETE', '/v1/session', { cookie: reader })).status).toBe(200);
  expect((await call(again, 'GET', '/v1/status', { cookie: reader })).status).toBe(401);
  expect((await call(again, 'GET', '/v1/users', { cookie: admin })).status).toBe(200);

  expect(await again.stop()).toBe(0);
  const said = [pipeline, again].map((one) => one.errors()).join('');
  expect(said, 'control: this is the log').toContain('a login failed');
  const stored = readdirSync(join(folder, '.millrace'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  const secrets = { token, admin, reader, PASSWORD, wrong: 'wrong horse' };
  for (const [name, secret] of Object.entries(secrets)) {
    const value = String(secret).replace('__Host-millrace=', '');
    expect(said.includes(value), `${name} in the log`).toBe(false);
    expect(
      stored.some((text) => text.includes(value)),
      `${name} in a file`,
    ).toBe(false);
  }
});

test('a rush of logins is bounded, and records are taken all the while', async () => {
  const pipeline = await start(temporaryFolder());
  const { secret } = (
    await call(pipeline, 'POST', '/v1/claim', { body: { token: tokenOf(pipeline) } })
  ).body;
  let rushing = true;
  const rush = Promise.all(
    Array.from({ length: 40 }, (_, n) => login(pipeline, `nobody${n}`)),
  ).finally(() => {
    rushing = false;
  });
  let taken = 0;
  while (rushing) {
    const answer = await pipeline.post('/v1/streams/sales/records', `{"id":"${taken}"}`, {
      authorization: `Bearer ${secret}`,
    });
    expect(answer.status).toBe(200);
    taken += 1;
  }
  const answers = await rush;
  const judged = answers.filter(({ status }) => status === 401);
  const refused = answers.filter(({ status }) => status === 429);
  expect(judged.length + refused.length).toBe(40);
  expect(refused.length, 'more than wait at once').toBeGreaterThan(0);
  for (const { body, retryAfter } of refused)
    expect([body.error?.code, retryAfter]).toEqual(['MR_OVERLOADED', '1']);
  expect(taken, 'more records than passwords').toBeGreaterThan(judged.length);
});

test('`users` adds, lists, changes and removes users, whether a process runs or not', async () => {
  const folder = temporaryFolder();
  const pipeline = await start(folder);
  const add = ['add', 'Ann@Example.com', '--role', 'reader', '--password-stdin'];
  expect(await users(folder, add, `${PASSWORD}\n`)).toMatchObject({
    code: 0,
    answer: { event: 'done', name: 'ann@example.com', roles: ['reader'] },
  });
  const { cookie } = await login(pipeline, 'ann@example.com');
  expect((await call(pipeline, 'GET', '/v1/status', { cookie })).status).toBe(200);
  expect(await users(folder, add, PASSWORD)).toMatchObject({
    code: 1,
    answer: { event: 'error', code: 'MR_ACCESS_USER_EXISTS' },
  });
  expect(
    await users(folder, ['change', 'ann@example.com', '--role', 'admin,producer']),
  ).toMatchObject({ code: 0, answer: { roles: ['admin', 'producer'] } });
  expect((await call(pipeline, 'GET', '/v1/status', { cookie })).status, 'logged out').toBe(401);
  expect(await pipeline.stop()).toBe(0);

  const change = ['change', 'ann@example.com', '--password-stdin'];
  expect((await users(folder, change, 'another horse\r\n')).code).toBe(0);
  expect((await users(folder, ['list'])).answer['users']).toEqual([
    { name: 'ann@example.com', roles: ['admin', 'producer'], created: expect.any(String) },
  ]);
  const again = await start(folder, undefined);
  expect((await login(again, 'ann@example.com')).status).toBe(401);
  expect((await login(again, 'ann@example.com', 'another horse')).status).toBe(200);
  expect((await users(folder, ['remove', 'ANN@example.com'])).answer).toEqual({
    event: 'done',
    removed: 'ann@example.com',
  });
  expect((await login(again, 'ann@example.com', 'another horse')).status).toBe(401);
});

test('`users` says what is wrong; no user is left behind', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'pipeline.ts'), PIPELINE);
  const stdin = '--password-stdin';
  const wrong: [string[], string, number, RegExp][] = [
    [['add', 'ann', '--role', 'reader', stdin], 'short', 1, /has 5 characters.*at least 8/],
    [['add', 'ann', '--role', 'root', stdin], PASSWORD, 1, /producer, reader, admin/],
    [['add', 'a b', '--role', 'reader', stdin], PASSWORD, 1, /"a b" is no name of a user/],
    [['add', 'ann', stdin], PASSWORD, 2, /--role/],
    [['add', 'ann', '--role', 'reader'], PASSWORD, 1, /no terminal.*--password-stdin/],
    [['change', 'ann', '--role', 'admin'], '', 1, /no user 'ann'.*users list/],
    [['remove', 'ann'], '', 1, /no user 'ann'/],
  ];
  for (const [args, input, code, says] of wrong) {
    const answer = await users(folder, args, input);
    expect([answer.code, answer.err], args.join(' ')).toEqual([code, expect.stringMatching(says)]);
  }
  expect((await users(folder, ['list'])).answer['users']).toEqual([]);
});

const TERMINAL = `
import os, pty, sys
said, answers = b'', sys.argv[1].encode().split(b'|')
child, terminal = pty.fork()
if child == 0: os.execvp(sys.argv[2], sys.argv[2:])
asked = 0
while True:
    try: piece = os.read(terminal, 4096)
    except OSError: break
    if not piece: break
    said += piece
    if asked < len(answers) and said.count(b': ') > asked:
        os.write(terminal, answers[asked] + (b'' if answers[asked] == b'\\x03' else b'\\r')); asked += 1
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode())
`;

test('on a terminal the password is asked for twice and not shown', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'pipeline.ts'), PIPELINE);
  const type = (...answers: string[]) => {
    const command = [process.execPath, MILLRACE, 'users', 'add', 'ann', '--role', 'reader'];
    const args = [answers.join('|'), ...command, '--pipeline', folder];
    return runPython(TERMINAL, args, { bare: true });
  };
  expect(await type(PASSWORD, 'another horse')).toMatch(
    /^1 Password: \r\nAgain: \r\n[\s\S]*The two passwords differ/,
  );
  expect(await type('\x03'), 'Ctrl-C').toMatch(/^1 Password: [\s\S]*No password was given/);
  const said = await type(`x\x7f${PASSWORD}`, PASSWORD);
  expect(said).toMatch(/^0 Password: \r\nAgain: \r\nadded ann \(reader\)/);
  expect(said).not.toContain('horse');
  const pipeline = await start(folder, undefined);
  expect((await login(pipeline, 'ann')).status).toBe(200);
});
