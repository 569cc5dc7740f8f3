import { expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { CatchUp } from '../../src/engine/catch-up.ts';

/** A clock that stands still until it is moved. */
function playedClock(): { clock: Clock; pass(ms: number): void } {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly action: () => void }>();
  return {
    clock: {
      now: () => now,
      after: (delayMs, action) => {
        const timer = { at: now + delayMs, action };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
    pass: (ms) => {
      now += ms;
      for (const timer of timers) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.action();
      }
    },
  };
}

/** Loading that ends when it is told to. */
function loading() {
  const began: string[] = [];
  const ends: (() => void)[] = [];
  const load = (name: string) => () => {
    began.push(name);
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  return { began, load, end: () => ends.shift()?.() };
}

const patience = { waitMs: 10_000, signal: new AbortController().signal };
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('U1: a query goes on once what it needs is loaded, one load after the other', async () => {
  const { clock } = playedClock();
  const { began, load, end } = loading();
  const catchUp = new CatchUp(clock);
  const done: string[] = [];
  const first = catchUp.forQuery(load('first'), patience).then(() => done.push('first'));
  const second = catchUp.forQuery(load('second'), patience).then(() => done.push('second'));
  await settle();
  expect([began, done]).toEqual([['first'], []]);
  end();
  await first;
  await settle();
  expect([began, done]).toEqual([['first', 'second'], ['first']]);
  end();
  await second;
});

test('U2, U3: after its time a query is told to ask again; what was begun goes on, what was not is dropped', async () => {
  const { clock, pass } = playedClock();
  const { began, load, end } = loading();
  const catchUp = new CatchUp(clock);
  const first = catchUp.forQuery(load('first'), patience);
  const waiting = catchUp.forQuery(load('waiting'), patience);
  const outcomes = Promise.allSettled([first, waiting]);
  await settle();
  pass(9_999);
  const later = catchUp.forQuery(load('later'), patience);
  pass(1);
  expect(await outcomes).toEqual([
    { status: 'rejected', reason: expect.objectContaining({ code: 'MR_NOT_READY' }) },
    { status: 'rejected', reason: expect.objectContaining({ code: 'MR_NOT_READY' }) },
  ]);
  await settle();
  expect(began).toEqual(['first']);
  end();
  await settle();
  expect(began, 'the load of the first served the later query').toEqual(['first', 'later']);
  end();
  await later;
});

test('a query that is cancelled while it waits ends at once, and the loading goes on', async () => {
  const { clock } = playedClock();
  const { began, load, end } = loading();
  const catchUp = new CatchUp(clock);
  const abort = new AbortController();
  const cancelled = catchUp.forQuery(load('first'), { waitMs: 10_000, signal: abort.signal });
  const next = catchUp.forQuery(load('next'), patience);
  await settle();
  abort.abort();
  await expect(cancelled).rejects.toMatchObject({ code: 'MR_QUERY_CANCELLED' });
  expect(began).toEqual(['first']);
  end();
  await settle();
  end();
  await next;
  expect(began).toEqual(['first', 'next']);
});

test('a load that fails is its query’s error, and not that of the next', async () => {
  const { clock } = playedClock();
  const catchUp = new CatchUp(clock);
  const failing = catchUp.forQuery(() => Promise.reject(new Error('no such file')), patience);
  const next = catchUp.forQuery(async () => undefined, patience);
  await expect(failing).rejects.toThrow('no such file');
  await next;
});
