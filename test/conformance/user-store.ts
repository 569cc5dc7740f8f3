import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import type { User, UserStore } from '../../src/govern/user-store.ts';

export interface UserStoreUnderTest {
  readonly store: UserStore;
  /** The files it is kept in. */
  readonly files: readonly string[];
  /** What a crash at this moment and a new start leave. */
  reopen(): UserStoreUnderTest;
}

const user = (name: string, changes: Partial<User> = {}): User => ({
  name,
  roles: ['reader'],
  passwordHash: `hash of ${name}`,
  createdMs: 1000,
  ...changes,
});

/** The contract of UserStore: one test per number. */
export function describeUserStore(name: string, create: () => UserStoreUnderTest): void {
  async function withUser(ann: User = user('ann')) {
    const under = create();
    expect(await under.store.add(ann)).toBe(true);
    const start = async (nowMs = 1000, replaces?: string) =>
      (await under.store.startSession(ann, { nowMs, replaces })) as string;
    const isOpen = (token: string, nowMs = 1000) =>
      under.store.findSession(token, nowMs) !== undefined;
    return { ...under, ann, start, isOpen };
  }

  describe(`${name} keeps the contract of UserStore`, () => {
    test('U1: what a call wrote is on disk when it resolves', async () => {
      const { store, start, ann, reopen } = await withUser();
      const [kept, ended] = [await start(), await start()];
      await store.endSession(ended);
      await store.markUsed(kept, 2000);
      await store.add(user('bob'));
      await store.change('bob', { roles: ['admin'] });
      await store.add(user('eve'));
      await store.remove('eve');
      const after = reopen().store;
      expect(after.list()).toEqual([ann, user('bob', { roles: ['admin'] })]);
      expect(after.findSession(kept, 3000)).toEqual({
        user: ann,
        createdMs: 1000,
        lastUsedMs: 2000,
        expiresMs: 1000 + LIMITS.sessionAgeMaxMs,
      });
      expect(after.findSession(ended, 3000)).toBeUndefined();
    });

    test('U2: of two that add one name at once, one adds it and the other is told', async () => {
      const { store } = create();
      const both = [
        user('ann', { passwordHash: 'first' }),
        user('ann', { passwordHash: 'second' }),
      ];
      expect(await Promise.all(both.map((one) => store.add(one)))).toEqual([true, false]);
      expect(store.list()).toEqual([both[0]]);
    });

    test('U3: a session is found until it is too old, idle for too long, or ended', async () => {
      const { store, start, isOpen } = await withUser();
      const token = await start(0);
      expect(isOpen(token, LIMITS.sessionIdleMaxMs - 1)).toBe(true);
      expect(isOpen(token, LIMITS.sessionIdleMaxMs), 'idle').toBe(false);
      const step = LIMITS.sessionIdleMaxMs / 2;
      for (let now = step; now < LIMITS.sessionAgeMaxMs; now += step) {
        expect(isOpen(token, now), `used at ${now}`).toBe(true);
        await store.markUsed(token, now);
      }
      expect(isOpen(token, LIMITS.sessionAgeMaxMs - 1)).toBe(true);
      expect(isOpen(token, LIMITS.sessionAgeMaxMs), 'old').toBe(false);
      const other = await start(0);
      await store.endSession(other);
      expect(isOpen(other, 0), 'ended').toBe(false);
      expect([isOpen('', 0), isOpen('nothing', 0), isOpen('x'.repeat(10_000), 0)]).toEqual([
        false,
        false,
        false,
      ]);
    });

    test('U3: the token is stored nowhere', async () => {
      const { start, files } = await withUser();
      const token = await start();
      expect(token).toMatch(/^[\w-]{43}$/);
      for (const file of files) {
        const bytes = readFileSync(file);
        expect(bytes.includes(token)).toBe(false);
        expect(bytes.includes(Buffer.from(token, 'base64url'))).toBe(false);
      }
      const stored = files.map((file) => readFileSync(file));
      expect(
        stored.some((bytes) => bytes.includes('hash of ann')),
        'control: these are the files',
      ).toBe(true);
    });

    test('U4: removing a user, and changing roles or password, ends all sessions of that user and no other', async () => {
      const changes: [string, (store: UserStore) => Promise<unknown>][] = [
        ['removed', (store) => store.remove('ann')],
        ['other roles', (store) => store.change('ann', { roles: ['admin'] })],
        ['other password', (store) => store.change('ann', { passwordHash: 'new' })],
      ];
      for (const [what, change] of changes) {
        const { store, start, isOpen } = await withUser();
        const bob = user('bob');
        await store.add(bob);
        const other = (await store.startSession(bob, { nowMs: 1000 })) as string;
        const mine = [await start(), await start()];
        await change(store);
        expect(
          mine.map((token) => isOpen(token)),
          what,
        ).toEqual([false, false]);
        expect(isOpen(other), what).toBe(true);
      }
    });

    test('U4: a user added again does not get the old sessions back', async () => {
      const { store, start, isOpen, ann } = await withUser();
      const token = await start();
      await store.remove('ann');
      await store.add(ann);
      expect(isOpen(token)).toBe(false);
    });

    test('U5: a session starts only for the user that the caller has seen', async () => {
      const { store, ann, start, isOpen } = await withUser();
      await store.change('ann', { passwordHash: 'new' });
      expect(await store.startSession(ann, { nowMs: 1000 })).toBeUndefined();
      const changed = store.find('ann') as User;
      const token = (await store.startSession(changed, { nowMs: 1000 })) as string;
      expect(isOpen(token)).toBe(true);
      const [, late] = await Promise.all([
        store.remove('ann'),
        store.startSession(changed, { nowMs: 1000 }),
      ]);
      expect([late, await start()]).toEqual([undefined, undefined]);
    });

    test('U6: a session takes the place of the one it replaces, and has a token of its own', async () => {
      const { start, isOpen } = await withUser();
      const [first, other] = [await start(), await start()];
      const second = await start(1000, first);
      expect(new Set([first, other, second]).size).toBe(3);
      expect([first, other, second].map((token) => isOpen(token))).toEqual([false, true, true]);
      expect(isOpen(await start(1000, 'no token of ours'))).toBe(true);
    });

    test('U7: what has ended stays so', async () => {
      const { store, start, isOpen } = await withUser();
      const token = await start();
      await Promise.all([store.endSession(token), store.markUsed(token, 2000)]);
      expect(isOpen(token, 2000)).toBe(false);
      await store.markUsed(token, 3000);
      expect(isOpen(token, 3000)).toBe(false);
    });

    test('U8: one session more than a user may have ends the one that was not used for longest', async () => {
      const { store, start, isOpen } = await withUser();
      const tokens: string[] = [];
      for (let n = 0; n < LIMITS.sessionsPerUserMax; n++) tokens.push(await start(1000 + n));
      await store.markUsed(tokens[0] as string, 2000);
      const last = await start(3000);
      const open = [...tokens, last].map((token) => isOpen(token, 3000));
      expect(open).toEqual([...tokens, last].map((_, index) => index !== 1));
    });
  });
}
