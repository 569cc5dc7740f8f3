import { expect, test } from 'vitest';
import { Turns } from '../../src/core/turns.ts';

/** Actions that end when they are told to. */
function actions() {
  const ends: (() => void)[] = [];
  let running = 0;
  let most = 0;
  const action = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running -= 1;
  };
  return { action, ends, running: () => running, most: () => most };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('so many run at once, so many wait, and one more is refused at once', async () => {
  const turns = new Turns({ atOnce: 2, waitingMax: 3, what: 'questions' });
  const { action, ends, running, most } = actions();
  const taken = Array.from({ length: 5 }, () => turns.take(action));
  await expect(turns.take(action)).rejects.toMatchObject({
    code: 'MR_OVERLOADED',
    message: expect.stringContaining('3 questions wait already'),
  });
  for (let ended = 0; ended < 5; ended++) {
    await settle();
    expect(running()).toBe(Math.min(2, 5 - ended));
    ends[ended]?.();
  }
  await Promise.all(taken);
  expect(most()).toBe(2);
});

test('a turn that ends goes to who waits, not to who comes at that moment', async () => {
  const turns = new Turns({ atOnce: 1, waitingMax: 2, what: 'questions' });
  const { action, ends, most } = actions();
  const [first, waiting] = [turns.take(action), turns.take(action)];
  ends[0]?.();
  const late = first.then(() => turns.take(action));
  await settle();
  ends[1]?.();
  await waiting;
  await settle();
  ends[2]?.();
  await late;
  expect(most()).toBe(1);
});

test('an action that fails gives its turn back', async () => {
  const turns = new Turns({ atOnce: 1, waitingMax: 0, what: 'questions' });
  await expect(turns.take(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await turns.take(async () => 'yes')).toBe('yes');
});
