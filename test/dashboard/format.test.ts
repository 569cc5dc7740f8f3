import { describe, expect, test } from 'vitest';
import { formatBin, formatCell, formatRange } from '../../src/dashboard/format.ts';

const newYork = { language: 'en-US', timeZone: 'America/New_York' };
const berlin = { language: 'de-DE', timeZone: 'Europe/Berlin' };
const utc = { language: 'en-US', timeZone: 'UTC' };

describe('a cell of a grid', () => {
  test('has times as the viewer writes them; only instants are of a zone', () => {
    const cell = (value: string, type: string, wording = newYork) =>
      formatCell(value, type, undefined, wording);
    expect(cell('2019-02-18T16:40:00Z', 'timestamptz')).toBe('Feb 18, 2019, 11:40:00');
    expect(cell('2019-02-18T11:40:00', 'timestamp')).toBe('Feb 18, 2019, 11:40:00');
    expect(cell('2019-02-18', 'date')).toBe('Feb 18, 2019');
    expect(cell('2019-02-18T11:40:00', 'timestamp', berlin)).toBe('18. Feb. 2019, 11:40:00');
    expect(cell('2019-02-18', 'date', berlin)).toBe('18. Feb. 2019');
    expect(formatCell('2019-02-18T02:00:00Z', 'timestamptz', 'date', newYork)).toBe('Feb 17, 2019');
    expect(cell('infinity', 'timestamp'), 'no moment').toBe('infinity');
  });
});

describe('a span of instants', () => {
  const hours = { from: '2019-02-28T20:00:00', until: '2019-02-28T23:00:00' };
  const days = { from: '2019-02-01', until: '2019-03-01' };

  // The spaces of a span are thin ones.
  const range = (...given: Parameters<typeof formatRange>) =>
    formatRange(...given).replace(/\s/g, ' ');

  test('is in the zone of the viewer where it is of hours', () => {
    expect(range(hours, newYork, true)).toBe('Feb 28, 2019, 15:00 – 18:00');
    expect(range(hours, newYork, false)).toBe('Feb 28, 2019, 20:00 – 23:00');
  });

  test('is said to be of UTC where its days are', () => {
    expect(range(days, newYork, true)).toBe('Feb 1 – 28, 2019 UTC');
    expect(range(days, newYork, false)).toBe('Feb 1 – 28, 2019');
    expect(range(days, utc, true)).toBe('Feb 1 – 28, 2019');
    const day = Date.parse('2019-02-01');
    expect(formatBin(day, 'day', true, newYork)).toBe('Feb 1, 2019 UTC');
    expect(formatBin(day, 'day', false, newYork)).toBe('Feb 1, 2019');
    expect(formatBin(day, 'hour', true, newYork)).toBe('Jan 31, 19:00');
  });
});
