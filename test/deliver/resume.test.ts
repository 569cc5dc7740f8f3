import { describe, expect, test } from 'vitest';
import { checkpointText, parseApart, parseCheckpoint } from '../../src/deliver/delivery.ts';
import { epochAt, resumeFrom } from '../../src/deliver/resume.ts';

const log = (
  epoch: string,
  nextSequence: number,
  lineage: readonly { epoch: string; next: number }[] = [],
  firstSequence = 0,
) => ({ epoch, lineage, firstSequence, nextSequence });

describe('where a consumer goes on', () => {
  test('without a checkpoint at the first record there is', () => {
    expect(resumeFrom(undefined, log('a', 10, [], 4))).toEqual({ next: 4, state: 'new' });
  });

  test('in the log it was at, behind what it has', () => {
    expect(resumeFrom({ epoch: 'a', next: 7 }, log('a', 10))).toEqual({
      next: 7,
      state: 'continued',
    });
  });

  test('in a log that was put back behind its position: there, with nothing to say', () => {
    const restored = log('b', 100, [{ epoch: 'a', next: 60 }]);
    expect(resumeFrom({ epoch: 'a', next: 50 }, restored)).toEqual({
      next: 50,
      state: 'continued',
    });
    expect(resumeFrom({ epoch: 'a', next: 60 }, restored)).toEqual({
      next: 60,
      state: 'continued',
    });
  });

  test('in a log that was put back before its position: where that ends, and the rows beyond stay', () => {
    const found = resumeFrom({ epoch: 'a', next: 80 }, log('b', 100, [{ epoch: 'a', next: 60 }]));
    expect(found).toMatchObject({ next: 60, state: 'diverged', apart: { from: 60, next: 80 } });
    expect(found.notice).toMatch(/put back to 60.*goes up to 79.*from 60 on are new/);
  });

  test('of a log that lost its end without saying so, at the end it has', () => {
    expect(resumeFrom({ epoch: 'a', next: 80 }, log('a', 60))).toMatchObject({
      next: 60,
      state: 'diverged',
      apart: { from: 60, next: 80 },
    });
  });

  test('in one that was put back twice: each epoch counts as far as it went', () => {
    const twice = log('c', 200, [
      { epoch: 'a', next: 60 },
      { epoch: 'b', next: 90 },
    ]);
    expect(resumeFrom({ epoch: 'a', next: 70 }, twice)).toMatchObject({ next: 60 });
    expect(resumeFrom({ epoch: 'b', next: 70 }, twice)).toEqual({ next: 70, state: 'continued' });
    expect(resumeFrom({ epoch: 'b', next: 95 }, twice)).toMatchObject({ next: 90 });
    expect(resumeFrom({ epoch: 'c', next: 120 }, twice)).toEqual({ next: 120, state: 'continued' });
  });

  test('in another restore of the same backup: where the two part', () => {
    const checkpoint = { epoch: 'b1', next: 75, lineage: [{ epoch: 'a', next: 60 }] };
    expect(resumeFrom(checkpoint, log('b2', 60, [{ epoch: 'a', next: 60 }]))).toMatchObject({
      next: 60,
      state: 'diverged',
      apart: { from: 60, next: 75 },
    });
    expect(resumeFrom(checkpoint, log('b3', 90, [{ epoch: 'a', next: 50 }]))).toMatchObject({
      next: 50,
      apart: { from: 50, next: 75 },
    });
    expect(resumeFrom(checkpoint, log('a', 90)), 'the log it was restored from').toMatchObject({
      next: 60,
      apart: { from: 60, next: 75 },
    });
  });

  test('in another log at its beginning, and says so', () => {
    const found = resumeFrom({ epoch: 'a', next: 80 }, log('z', 10, [], 3));
    expect(found).toMatchObject({ next: 3, state: 'foreign', apart: { from: 0, next: 80 } });
    expect(found.notice).toMatch(/another log \(epoch a\)/);
  });

  test('where retention took records that it never had: behind them, and says which', () => {
    const found = resumeFrom({ epoch: 'a', next: 5 }, log('a', 100, [], 20));
    expect(found).toMatchObject({ next: 20, state: 'diverged' });
    expect(found.notice).toMatch(/records 5 to 19 .* are missing/);
  });
});

test('a checkpoint is read as it was written, also as it was before logs had a lineage', () => {
  const lineage = [
    { epoch: 'a', next: 60 },
    { epoch: 'b', next: 90 },
  ];
  for (const checkpoint of [
    { epoch: 'c', next: 120, lineage },
    { epoch: 'c', next: 120 },
  ])
    expect(parseCheckpoint(checkpointText(checkpoint))).toEqual(checkpoint);
  expect(checkpointText({ epoch: 'c', next: 1, lineage: [] })).toBe('{"epoch":"c","next":"1"}');
  expect(parseCheckpoint('{"epoch":"c","next":"1","other":2}')).toBeUndefined();
  expect(parseApart('[{"from":"1","next":"2"},{"from":"4","next":"9"}]')).toEqual([
    { from: 1, next: 2 },
    { from: 4, next: 9 },
  ]);
});

test('a number was given in the epoch that the log had then', () => {
  const twice = log('c', 200, [
    { epoch: 'a', next: 60 },
    { epoch: 'b', next: 90 },
  ]);
  expect([0, 59, 60, 89, 90, 500].map((sequence) => epochAt(twice, sequence))).toEqual([
    'a',
    'a',
    'b',
    'b',
    'c',
    'c',
  ]);
});
