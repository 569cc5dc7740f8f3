import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTime } from '../../src/core/time-grain.ts';
import { compareRanges, periodBefore, periodRange } from '../../src/live/period.ts';

const at = (text: string) => Date.parse(`${text}Z`);
const NEWEST = at('2011-12-09T12:50:30');

describe('a period', () => {
  test('ends with the minute of the newest value below two days, with its day from there on', () => {
    expect(periodRange('90m', NEWEST)).toEqual({
      from: '2011-12-09T11:21:00',
      until: '2011-12-09T12:51:00',
    });
    expect(periodRange('24h', NEWEST)).toEqual({
      from: '2011-12-08T12:51:00',
      until: '2011-12-09T12:51:00',
    });
    expect(periodRange('2d', NEWEST)).toEqual({ from: '2011-12-08', until: '2011-12-10' });
    expect(periodRange('1y', NEWEST)).toEqual({ from: '2010-12-10', until: '2011-12-10' });
  });

  test('of two times is these', () => {
    expect(periodRange('2011-03-01..2011-03-02T08:30', NEWEST)).toEqual({
      from: '2011-03-01',
      until: '2011-03-02T08:30',
    });
    expect(periodRange('2011-03-01..2011-03-02', undefined)).toBeDefined();
  });

  test('is everything where it is so called, means nothing, or where there is no time yet', () => {
    for (const words of ['all', '', 'soon', 'a..b', '..', '2011-01-01..', '7 days'])
      expect([words, periodRange(words, NEWEST)]).toEqual([words, undefined]);
    expect(periodRange('7d', undefined)).toBeUndefined();
  });

  test('holds the newest value, and is as long as it says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: at('1900-01-01'), max: at('9999-12-31T23:59:59') }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.constantFrom('m', 'h', 'd', 'w'),
        (newest, count, unit) => {
          const range = periodRange(`${count}${unit}`, newest) as { from: string; until: string };
          const [from, until] = [parseTime(range.from), parseTime(range.until)];
          const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }[unit] as number;
          expect(until).toBeGreaterThan(newest);
          expect(until - newest).toBeLessThanOrEqual(86_400_000);
          expect(until - from).toBe(count * unitMs);
        },
      ),
    );
  });

  test('longer than there is time begins with the first year', () => {
    expect(periodRange('999999999y', NEWEST)).toEqual({ from: '0001-01-01', until: '2011-12-10' });
    expect(periodRange('1d', at('9999-12-31T23:59:59'))?.until).toBe('10000-01-01');
  });
});

describe('spans that are compared', () => {
  test('end with the newest value, itself included, and follow each other without a gap', () => {
    const { current, previous } = compareRanges('2011-12-09T12:50:00', 86_400_000);
    expect(current).toEqual({
      from: '2011-12-08T12:50:00',
      until: '2011-12-09T12:50:00',
      closed: 'end',
    });
    expect(previous).toEqual({ from: '2011-12-07T12:50:00', until: current.from, closed: 'end' });
  });

  test('keep the digits below the millisecond', () => {
    const { current, previous } = compareRanges('2011-12-09T12:50:00.123456', 3_600_000);
    expect(current.from).toBe('2011-12-09T11:50:00.123456');
    expect(previous.from).toBe('2011-12-09T10:50:00.123456');
  });

  test('of a date are days', () => {
    const { current, previous } = compareRanges('2011-12-09', 86_400_000);
    expect([previous.from, previous.until, current.until]).toEqual([
      '2011-12-07',
      '2011-12-08',
      '2011-12-09',
    ]);
  });

  test('that reach before the first year end there', () => {
    const { previous } = compareRanges('0001-01-02', 7 * 86_400_000);
    expect(previous).toEqual({ from: '0001-01-01', until: '0001-01-01', closed: 'end' });
    expect(periodBefore({ from: '0001-01-01', until: '2011-01-01' }).from).toBe('0001-01-01');
  });

  test('before a period it is as long', () => {
    expect(periodBefore({ from: '2011-03-01T08:30', until: '2011-03-01T10:00' })).toEqual({
      from: '2011-03-01T07:00:00',
      until: '2011-03-01T08:30',
    });
  });
});
