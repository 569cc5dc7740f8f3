import { expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { LoginAttempts } from '../../src/govern/login-attempts.ts';

function counting() {
  let now = 1_000_000;
  const attempts = new LoginAttempts({ now: () => now, after: () => () => {} });
  const refused = (user: string, address: string) => {
    try {
      attempts.begin(user, address).withdrawn();
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: 'MR_ACCESS_THROTTLED' });
      return true;
    }
  };
  const fail = (times: number, user: string, address: string) => {
    for (let n = 0; n < times; n++) attempts.begin(user, address);
  };
  return {
    attempts,
    refused,
    fail,
    pass: (ms: number) => {
      now += ms;
    },
  };
}
const { loginFailuresPerUserMax: USER_MAX, loginFailuresPerAddressMax: ADDRESS_MAX } = LIMITS;

test('a name waits after so many failures, wherever they came from; other names do not', () => {
  const { fail, refused, pass } = counting();
  fail(USER_MAX - 1, 'ann', 'a');
  expect(refused('ann', 'b')).toBe(false);
  fail(1, 'ann', 'b');
  expect([refused('ann', 'a'), refused('ann', 'c'), refused('bob', 'a')]).toEqual([
    true,
    true,
    false,
  ]);
  pass(LIMITS.loginFailureWindowMs - 1);
  expect(refused('ann', 'a')).toBe(true);
  pass(1);
  expect(refused('ann', 'a')).toBe(false);
});

test('an address waits after so many failures, whatever the names', () => {
  const { fail, refused } = counting();
  for (let n = 0; n < ADDRESS_MAX; n++) fail(1, `user ${n}`, 'a');
  expect([refused('ann', 'a'), refused('ann', 'b')]).toEqual([true, false]);
});

test('attempts count before they are judged: many at once do not slip through', () => {
  const { attempts } = counting();
  const begun = Array.from({ length: USER_MAX }, () => attempts.begin('ann', 'a'));
  expect(() => attempts.begin('ann', 'a')).toThrow(/Try again in 15 minutes/);
  begun[0]?.withdrawn();
  expect(() => attempts.begin('ann', 'a')).not.toThrow();
});

test('the right password starts the name afresh, and takes nothing else off the address', () => {
  const { attempts, fail, refused } = counting();
  fail(USER_MAX - 1, 'ann', 'a');
  attempts.begin('ann', 'a').passed();
  fail(USER_MAX - 1, 'ann', 'b');
  expect(refused('ann', 'a')).toBe(false);
  for (let n = USER_MAX - 1; n < ADDRESS_MAX; n++) {
    fail(1, `user ${n}`, 'a');
    attempts.begin('mallory', 'c').passed();
  }
  expect(refused('mallory', 'a'), 'whose own password is right').toBe(true);
});

test('says how long to wait', () => {
  const { attempts, fail, pass } = counting();
  fail(USER_MAX, 'ann', 'a');
  pass(LIMITS.loginFailureWindowMs - 90_000);
  expect(() => attempts.begin('ann', 'a')).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('in 2 minutes'),
      details: { retryAfterSeconds: 90 },
    }),
  );
});

test('memory is bounded: past so many names the one that would be forgotten first is', () => {
  const { fail, refused } = counting();
  fail(USER_MAX, 'first', 'f');
  // Each adds a name and an address.
  for (let n = 0; n < LIMITS.loginCountersMax / 2 - 2; n++) fail(1, `user ${n}`, `address ${n}`);
  fail(USER_MAX, 'last', 'l');
  expect([refused('first', 'x'), refused('last', 'x')]).toEqual([true, true]);
  for (let n = 0; n < 10; n++) fail(1, `more ${n}`, `more ${n}`);
  expect([refused('first', 'x'), refused('last', 'x')]).toEqual([false, true]);
});
