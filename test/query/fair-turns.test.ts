import { expect, test } from 'vitest';
import { FairTurns } from '../../src/query/fair-turns.ts';

const turnsOf = (each: { atOnce: number; waitingMax: number }) =>
  new FairTurns({ atOnce: 4, waitingMax: 6, each, what: 'questions' });

/** Actions that end when they are told to, in the order in which they began. */
function actions() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const action = (name: string) => () => {
    begun.push(name);
    return new Promise<void>((resolve) => ends.set(name, resolve));
  };
  const end = async (name: string) => {
    ends.get(name)?.();
    await settle();
  };
  return { begun, action, end };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('T1, T2: who asks for much has some places, and the others theirs, in turn', async () => {
  const turns = turnsOf({ atOnce: 3, waitingMax: 4 });
  const { begun, action, end } = actions();
  const asked = ['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'b2', 'c1'].map((name) =>
    turns.take(name[0] as string, action(name)),
  );
  await settle();
  expect(begun, 'a has three places, and one is left for others').toEqual(['a1', 'a2', 'a3', 'b1']);
  await end('a1');
  expect(begun.at(-1), 'c has had none').toBe('c1');
  await end('a2');
  expect(begun.at(-1), 'a had one before b').toBe('a4');
  await end('c1');
  expect(begun.at(-1)).toBe('b2');
  await end('b2');
  expect(begun.at(-1)).toBe('a5');
  for (const name of ['a3', 'a4', 'a5', 'b1']) await end(name);
  await Promise.all(asked);
});

test('who waits with too many is refused, and others are not; too many of all are', async () => {
  const turns = turnsOf({ atOnce: 1, waitingMax: 2 });
  const { action } = actions();
  const ask = (name: string) =>
    turns.take(name, action(name)).catch((error: Error) => error.message);
  for (const name of ['a', 'a', 'a']) void ask(name);
  expect(await ask('a')).toMatch(/2 of your questions wait already/);
  for (const name of ['b', 'b', 'b', 'c', 'c', 'c', 'd']) void ask(name);
  expect(await ask('e')).toMatch(/6 questions wait already/);
});

test('T3: who stops waiting is not begun, and leaves its place', async () => {
  const turns = turnsOf({ atOnce: 1, waitingMax: 2 });
  const { begun, action, end } = actions();
  const gone = new AbortController();
  const first = turns.take('a', action('first'));
  const second = turns.take('a', action('second'), gone.signal);
  const third = turns.take('a', action('third'));
  gone.abort(new Error('nobody waits'));
  await expect(second).rejects.toThrow('nobody waits');
  await end('first');
  await end('third');
  await Promise.all([first, third]);
  expect(begun).toEqual(['first', 'third']);
});

test('an action that fails gives its place back', async () => {
  const turns = turnsOf({ atOnce: 1, waitingMax: 2 });
  const failing = turns.take('a', () => Promise.reject(new Error('failed')));
  await expect(failing).rejects.toThrow('failed');
  expect(await turns.take('a', async () => 'next')).toBe('next');
});
