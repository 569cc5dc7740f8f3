import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  alignedGrain,
  binStart,
  GRAINS,
  grainForSpan,
  grainServes,
  nextBin,
  parseTime,
  sparkGrain,
  timeText,
} from '../../src/core/time-grain.ts';

const grain = fc.constantFrom(...GRAINS);
const DAY_MS = 86_400_000;
/** The years that records have. */
const instant = fc.integer({
  min: Date.parse('0001-01-08T00:00Z'),
  max: Date.parse('9998-12-31T00:00Z'),
});

describe('bins', () => {
  test('hold their instants, follow each other without a gap, and begin in themselves', () => {
    fc.assert(
      fc.property(instant, grain, (ms, by) => {
        const [start, next] = [binStart(ms, by), nextBin(ms, by)];
        expect(start).toBeLessThanOrEqual(ms);
        expect(next).toBeGreaterThan(ms);
        expect(binStart(start, by)).toBe(start);
        expect(binStart(next, by)).toBe(next);
        expect(nextBin(start, by)).toBe(next);
        expect(binStart(next - 1, by)).toBe(start);
      }),
    );
  });

  test('are those of the engine', async () => {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const instants = fc.sample(instant, 300);
    for (const by of GRAINS) {
      const reader = await connection.runAndReadAll(
        `SELECT epoch_ms(date_trunc('${by}', make_timestamp(ms * 1000))) FROM (VALUES ${instants.map((ms) => `(${ms}::BIGINT, ${instants.indexOf(ms)})`).join(', ')}) t(ms, place) ORDER BY place`,
      );
      const found = reader.getRowsJson().map(([ms]) => Number(ms));
      const wanted = instants
        .map((ms) => [instants.indexOf(ms), binStart(ms, by)] as const)
        .sort(([a], [b]) => a - b)
        .map(([, ms]) => ms);
      expect(found, by).toEqual(wanted);
    }
    connection.closeSync();
  });

  test('of one grain are put together to those of another only where none is cut', () => {
    fc.assert(
      fc.property(instant, grain, grain, (ms, have, want) => {
        if (!grainServes(have, want)) return;
        expect(binStart(binStart(ms, have), want)).toBe(binStart(ms, want));
      }),
    );
    // A week may lie in two months, and two years.
    for (const coarser of ['month', 'quarter', 'year'] as const)
      expect(grainServes('week', coarser)).toBe(false);
    expect(grainServes('day', 'hour')).toBe(false);
  });

  test('have no summer time: days have 24 hours, weeks begin on Monday', () => {
    const spring = Date.parse('2024-03-31T12:00Z');
    expect(nextBin(spring, 'day') - binStart(spring, 'day')).toBe(DAY_MS);
    expect(timeText(binStart(spring, 'week'))).toBe('2024-03-25');
    expect(timeText(nextBin(Date.parse('2024-02-29T23:59Z'), 'month'))).toBe('2024-03-01');
    expect(timeText(binStart(Date.parse('2023-11-15T00:00Z'), 'quarter'))).toBe('2023-10-01');
    expect(timeText(binStart(Date.parse('1969-12-31T23:59Z'), 'day'))).toBe('1969-12-31');
  });

  test('are a few hundred for a span at most, some thirty for a line without axes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60_000, max: 20 * 365 * DAY_MS }), (span) => {
        const count = (by: (typeof GRAINS)[number]) => span / (nextBin(0, by) - binStart(0, by));
        expect(count(grainForSpan(span))).toBeLessThanOrEqual(1000);
        expect(count(sparkGrain(span))).toBeLessThanOrEqual(250);
      }),
    );
  });
});

describe('times as text', () => {
  test('come back as they went', () => {
    fc.assert(
      fc.property(instant, (ms) => {
        expect(parseTime(timeText(ms))).toBe(ms);
        expect(parseTime(`${timeText(ms)}Z`)).toBe(ms);
      }),
    );
    expect(timeText(Date.parse('2011-03-01T00:00Z'))).toBe('2011-03-01');
    expect(timeText(Date.parse('2011-03-01T08:26Z'))).toBe('2011-03-01T08:26:00');
    expect(timeText(Date.parse('2011-03-01T08:26:00.5Z'))).toBe('2011-03-01T08:26:00.500');
  });

  test('that are none are no number', () => {
    for (const text of ['', '7d', '2011', '2011-13-01', '2011-03-01T25:00', '2011-03-01+02', 'now'])
      expect([text, parseTime(text)]).toEqual([text, Number.NaN]);
  });

  test('begin the coarsest bin they can', () => {
    expect(alignedGrain('2011-03-01')).toBe('day');
    expect(alignedGrain('2011-03-01T00:00:00')).toBe('day');
    expect(alignedGrain('2011-03-01T08:00')).toBe('hour');
    expect(alignedGrain('2011-03-01T08:26')).toBe('minute');
    expect(alignedGrain('2011-03-01T08:26:00.000')).toBe('minute');
    expect(alignedGrain('2011-03-01T08:26:01')).toBeUndefined();
    // Half a millisecond is nothing to a Date, and yet between two minutes.
    expect(alignedGrain('2011-03-01T08:26:00.0005')).toBeUndefined();
    expect(alignedGrain('yesterday')).toBeUndefined();
  });
});
