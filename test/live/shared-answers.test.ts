import { expect, test } from 'vitest';
import { SharedAnswers } from '../../src/live/shared-answers.ts';

/** Answers that are given when they are told to be. */
function played() {
  const begun: {
    end: (value: string) => void;
    fail: (error: Error) => void;
    signal: AbortSignal;
  }[] = [];
  const answer = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      begun.push({ end: resolve, fail: reject, signal });
    });
  return { begun, answer };
}
const here = () => new AbortController().signal;
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('those who ask while an answer is made share the next one', async () => {
  const shared = new SharedAnswers<string>();
  const { begun, answer } = played();
  const first = shared.ask('a', answer, here());
  const later = [shared.ask('a', answer, here()), shared.ask('a', answer, here())];
  const other = shared.ask('b', answer, here());
  expect(begun.length, 'another question waits for nobody').toBe(2);
  begun[0]?.end('one');
  expect(await first).toBe('one');
  await settle();
  expect(begun.length).toBe(3);
  const latest = shared.ask('a', answer, here());
  begun[2]?.end('two');
  expect(await Promise.all(later)).toEqual(['two', 'two']);
  await settle();
  begun[3]?.end('three');
  expect(await latest).toBe('three');
  begun[1]?.end('other');
  expect(await other).toBe('other');
});

test('an answer that fails fails those who wait for it; the next is asked anew', async () => {
  const shared = new SharedAnswers<string>();
  const { begun, answer } = played();
  const first = shared.ask('a', answer, here());
  const second = shared.ask('a', answer, here());
  begun[0]?.fail(new Error('broken'));
  await expect(first).rejects.toThrow('broken');
  await settle();
  begun[1]?.end('well');
  expect(await second).toBe('well');
  const third = shared.ask('a', answer, here());
  begun[2]?.end('well again');
  expect(await third).toBe('well again');
});

test('an answer is given up when the last who waits for it goes', async () => {
  const shared = new SharedAnswers<string>();
  const { begun, answer } = played();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = shared.ask('a', answer, here());
  const waiting = [shared.ask('a', answer, one.signal), shared.ask('a', answer, two.signal)];
  begun[0]?.end('first');
  await first;
  await settle();
  one.abort();
  await expect(waiting[0]).rejects.toThrow();
  expect(begun[1]?.signal.aborted).toBe(false);
  two.abort();
  await expect(waiting[1]).rejects.toThrow();
  expect(begun[1]?.signal.aborted).toBe(true);
});

test('who asks after another gave up is answered', async () => {
  const shared = new SharedAnswers<string>();
  const { begun, answer } = played();
  const first = shared.ask('a', answer, here());
  const leaving = new AbortController();
  const left = shared.ask('a', answer, leaving.signal);
  leaving.abort();
  await expect(left).rejects.toThrow();
  const third = shared.ask('a', answer, here());
  begun[0]?.end('one');
  await first;
  await settle();
  await settle();
  begun[1]?.end('two');
  expect(await third).toBe('two');
});
