import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTime, timeText } from '../../src/core/time-grain.ts';
import type { TimeRange } from '../../src/live/constraint.ts';
import { type BinRange, cutSpan, SPAN_GRAINS, spanOfDates } from '../../src/live/span.ts';

const isIn = (ms: number, { from, until }: BinRange) =>
  ms >= parseTime(from) && (until === undefined || ms < parseTime(until));
const isInSpan = (ms: number, { from, until }: TimeRange) =>
  ms > parseTime(from) && (until === undefined || ms <= parseTime(until));

describe('a span between any two moments', () => {
  test('is whole days, and what is left of the days it begins and ends in', () => {
    const span = { from: '2026-08-11T10:30:00', until: '2026-08-14T07:00:00' };
    expect(cutSpan(span, 'day')).toEqual({
      whole: { from: '2026-08-12', until: '2026-08-14' },
      edges: [
        { from: '2026-08-11', until: '2026-08-12' },
        { from: '2026-08-14', until: '2026-08-15' },
      ],
    });
  });

  test('that is open has all whole days to come', () => {
    expect(cutSpan({ from: '2026-08-11T10:30:00' }, 'day')).toEqual({
      whole: { from: '2026-08-12' },
      edges: [{ from: '2026-08-11', until: '2026-08-12' }],
    });
  });

  test('within a day has no whole one', () => {
    const span = { from: '2026-08-11T10:30:00', until: '2026-08-11T11:00:00' };
    expect(cutSpan(span, 'day')).toEqual({ edges: [{ from: '2026-08-11', until: '2026-08-12' }] });
  });

  test('has each of its moments in one part alone, and no other moment in a whole one', () => {
    const minute = 60_000;
    const start = Date.parse('2026-08-11T22:00Z');
    const moment = fc.integer({ min: 0, max: 3 * 1440 * minute }).map((ms) => start + ms);
    const round = fc.constantFrom(1, minute, 60 * minute, 1440 * minute);
    fc.assert(
      fc.property(
        fc.tuple(moment, moment, round, round),
        fc.option(moment, { nil: undefined }),
        fc.array(moment, { minLength: 50, maxLength: 50 }),
        ([a, b, roundA, roundB], open, moments) => {
          const ends = [a - (a % roundA), b - (b % roundB)].sort((one, two) => one - two);
          const [from, until] = ends.map(timeText) as [string, string];
          const span = open === undefined ? { from, until } : { from };
          for (const ms of [...moments, ...ends, ...ends.map((one) => one + 1)]) {
            let home: Required<BinRange> | undefined;
            for (const grain of SPAN_GRAINS) {
              const { whole, edges } = cutSpan(span, grain, home);
              const holding = edges.filter((edge) => isIn(ms, edge));
              const isWhole = whole !== undefined && isIn(ms, whole);
              if (isWhole) expect(isInSpan(ms, span)).toBe(true);
              if (isInSpan(ms, span)) expect(holding.length + Number(isWhole)).toBe(1);
              if (!holding[0]) break;
              home = holding[0];
            }
          }
        },
      ),
    );
  });

  test('of dates is the days after its start, up to and with its end', () => {
    expect(spanOfDates({ from: '2026-08-11T10:30:00', until: '2026-08-14T07:00:00' })).toEqual({
      from: '2026-08-12',
      until: '2026-08-15',
    });
    expect(spanOfDates({ from: '2026-08-11' })).toEqual({ from: '2026-08-12' });
  });
});
