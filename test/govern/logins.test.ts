import { scryptSync } from 'node:crypto';
import { join } from 'node:path';
import { open } from 'lmdb';
import { expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { LmdbUserStore } from '../../src/govern/embedded/lmdb-user-store.ts';
import { Logins } from '../../src/govern/logins.ts';
import { type Derive, Passwords } from '../../src/govern/passwords.ts';
import { normalUserName, type UserStore } from '../../src/govern/user-store.ts';
import { temporaryFolder } from '../support/folder.ts';

/** Scrypt at a cost that tests can pay often. */
const cheap: Derive = async (password, salt) => scryptSync(password, salt, 32, { N: 16 });

function loginsOn(derive: Derive = cheap) {
  let now = 1_000_000;
  const logged: object[] = [];
  const root = open({ path: join(temporaryFolder(), 's.mdb'), maxDbs: 8, overlappingSync: false });
  onTestFinished(() => root.close());
  const users = new LmdbUserStore(root);
  const logins = new Logins({
    users,
    clock: { now: () => now, after: () => () => {} },
    logger: { ...silentLogger, info: (fields) => logged.push(fields) },
    passwords: new Passwords(derive),
  });
  return {
    users,
    logins,
    logged,
    login: (name: string, password: string, replaces?: string) =>
      logins.login({ name, password, address: 'a', replaces }),
    pass: (ms: number) => {
      now += ms;
    },
  };
}
const ANN = { name: 'ann@example.com', password: 'correct horse', roles: ['reader'] as const };

test('a login gives a session of the user; a wrong password and a name that nobody has are told the same', async () => {
  const { logins, login, logged } = loginsOn();
  await logins.add(ANN);
  const { token, user } = await login(' Ann@Example.COM ', ANN.password);
  expect(user).toMatchObject({ name: ANN.name, roles: ['reader'] });
  expect(logins.user(token)).toEqual(user);
  const refusals = await Promise.all(
    [
      [ANN.name, 'correct house'],
      ['bob', ANN.password],
    ].map(([name, password]) => login(name as string, password as string).catch((error) => error)),
  );
  expect(refusals.map(({ code, message }) => ({ code, message }))).toEqual(
    Array(2).fill({ code: 'MR_ACCESS_LOGIN', message: 'Name or password is wrong.' }),
  );
  expect(logged, 'what nobody is called may be a password').toEqual([
    { user: ANN.name, address: 'a' },
    { user: null, address: 'a' },
  ]);
});

test('a login ends the session that the browser had before', async () => {
  const { logins, login } = loginsOn();
  await logins.add(ANN);
  const first = await login(ANN.name, ANN.password);
  await expect(login(ANN.name, 'correct house', first.token)).rejects.toThrow();
  expect(logins.user(first.token), 'a login that failed ends nothing').toBeDefined();
  const second = await login(ANN.name, ANN.password, first.token);
  expect([logins.user(first.token), logins.user(second.token)?.name]).toEqual([
    undefined,
    ANN.name,
  ]);
});

test('a session lives while it is used, and a use is written now and then only', async () => {
  const { logins, login, pass, users } = loginsOn();
  await logins.add(ANN);
  const { token } = await login(ANN.name, ANN.password);
  const lastUsedMs = () => users.findSession(token, 1_000_000)?.lastUsedMs;
  const began = lastUsedMs() as number;
  pass(LIMITS.sessionUseIntervalMs - 1);
  logins.user(token);
  await users.add({ ...ANN, name: 'later', passwordHash: '', createdMs: 0 });
  expect(lastUsedMs()).toBe(began);
  pass(1);
  for (let n = 0; n < 10; n++) logins.user(token);
  await users.add({ ...ANN, name: 'later still', passwordHash: '', createdMs: 0 });
  expect(lastUsedMs()).toBe(began + LIMITS.sessionUseIntervalMs);
  pass(LIMITS.sessionIdleMaxMs - 1);
  expect(logins.user(token)).toBeDefined();
  pass(LIMITS.sessionIdleMaxMs);
  expect(logins.user(token)).toBeUndefined();
});

test('a user that went, or whose password changed, while the old one is judged gets no session', async () => {
  const changes: ((users: UserStore) => Promise<unknown>)[] = [
    (users) => users.remove(ANN.name),
    (users) => users.change(ANN.name, { passwordHash: 'another' }),
  ];
  for (const change of changes) {
    let judging = Promise.resolve<unknown>(undefined);
    const { logins, login, users } = loginsOn(async (password, salt, cost) => {
      await judging;
      return cheap(password, salt, cost);
    });
    await logins.add(ANN);
    judging = new Promise((resolve) => setImmediate(resolve)).then(() => change(users));
    await expect(login(ANN.name, ANN.password)).rejects.toMatchObject({ code: 'MR_ACCESS_LOGIN' });
  }
});

test('what was not judged, as too many wait, does not count as a failure', async () => {
  const ends: (() => void)[] = [];
  const { logins, login } = loginsOn(async () => {
    await new Promise<void>((resolve) => ends.push(resolve));
    return Buffer.alloc(32);
  });
  const places = LIMITS.passwordHashesAtOnce + LIMITS.passwordHashesQueuedMax;
  const waiting = Array.from({ length: places }, (_, n) => login(`user${n}`, 'x').catch(() => {}));
  for (let n = 0; n < LIMITS.loginFailuresPerUserMax * 3; n++)
    await expect(login('ann', 'x')).rejects.toMatchObject({ code: 'MR_OVERLOADED' });
  for (let n = 0; n < places; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    ends[n]?.();
  }
  await Promise.all(waiting);
  const judged = login('ann', 'x').catch((error) => error);
  await new Promise((resolve) => setImmediate(resolve));
  ends.at(-1)?.();
  expect(await judged).toMatchObject({ code: 'MR_ACCESS_LOGIN' });
  expect(logins.list()).toEqual([]);
});

test('users are added once, changed and removed; what is not there is named', async () => {
  const { logins } = loginsOn();
  await logins.add(ANN);
  const twice = logins.add({ ...ANN, name: 'ANN@example.com' });
  await expect(twice).rejects.toMatchObject({
    code: 'MR_ACCESS_USER_EXISTS',
    message: expect.stringContaining("'ann@example.com'"),
  });
  expect(await logins.change('Ann@example.com', { roles: ['admin'] })).toMatchObject({
    roles: ['admin'],
  });
  for (const act of [() => logins.change('bob', { roles: ['admin'] }), () => logins.remove('bob')])
    await expect(act()).rejects.toMatchObject({
      code: 'MR_REQUEST_NOT_FOUND',
      message: expect.stringContaining("no user 'bob'"),
    });
  expect(await logins.remove('ANN@example.com')).toBe(ANN.name);
  expect(logins.list()).toEqual([]);
});

test('a name is one user whatever its case, outer spaces and Unicode form', () => {
  const same: [string, string][] = [
    [' Ann ', 'ann'],
    ['ＡＮＮ', 'ann'],
    ['Jose\u0301', 'jos\u00e9'],
    ['ann.b_c-d+e@example.com', 'ann.b_c-d+e@example.com'],
    ['Ünal', 'ünal'],
    ['李雷', '李雷'],
  ];
  for (const [given, name] of same) expect(normalUserName(given)).toBe(name);
  for (const wrong of ['', ' ', 'a b', 'a\0b', '@ann', '../ann', 'a/b', 'a\nb', 'x'.repeat(255)])
    expect(() => normalUserName(wrong), JSON.stringify(wrong)).toThrow(/is no name of a user/);
});
