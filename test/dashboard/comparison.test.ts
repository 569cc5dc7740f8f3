import { expect, test } from 'vitest';
import { comparisonWords } from '../../src/dashboard/comparison.ts';
import type { Chart } from '../../src/definition/chart.ts';

const wording = { language: 'en', timeZone: 'UTC' };
const chart: Chart = { kind: 'kpi', id: 'sold', title: 'Sold', from: 'sales' };
const words = (current: string | null, previous: string | null, more: Partial<Chart> = {}) =>
  comparisonWords({ ...chart, ...more }, { span: '1d', current, previous }, wording);
const change = (...given: Parameters<typeof words>) => {
  const { change: text, tone } = words(...given);
  return [text, tone];
};

test('a change is told in per cent, and whether it is good', () => {
  expect(change('104.2', '100')).toEqual(['▲ +4.2%', 'good']);
  expect(change('95', '100')).toEqual(['▼ -5%', 'bad']);
  expect(change('95', '100', { good: 'down' })).toEqual(['▼ -5%', 'good']);
  expect(change('-50', '-100')).toEqual(['▲ +50%', 'good']);
  expect(change('7', '7')).toEqual(['0%', 'neutral']);
});

test('a share changes by points, not by a share of itself', () => {
  const share = { format: 'percent' } as const;
  expect(change('0.186', '0.31', share)).toEqual(['▼ -12.4 points', 'bad']);
  expect(change('0.25', '0', share)).toEqual(['▲ +25 points', 'good']);
  expect(change('-0.1', '0.3', { ...share, good: 'down' })).toEqual(['▼ -40 points', 'good']);
  expect(change(null, '0.3', share)).toEqual(['–', 'neutral']);
});

test('from nothing to something is new; where there is nothing, nothing is said', () => {
  expect(change('5', null)).toEqual(['new', 'neutral']);
  expect(change('5', '0')).toEqual(['new', 'neutral']);
  expect(change(null, '5')).toEqual(['–', 'neutral']);
  expect(change(null, null)).toEqual(['–', 'neutral']);
  expect(change('0', '0')).toEqual(['–', 'neutral']);
  expect(change('2026-11-21', '2026-11-20'), 'no number').toEqual(['–', 'neutral']);
});

test('both spans have names', () => {
  const spans = (span: string) => {
    const { current, previous } = comparisonWords(
      chart,
      { span, current: '2', previous: '1' },
      wording,
    );
    return [current, previous];
  };
  expect(spans('1d')).toEqual(['last day', 'the day before']);
  expect(spans('7d')).toEqual(['last 7 days', 'the 7 days before']);
  expect(spans('90 m')).toEqual(['last 90 minutes', 'the 90 minutes before']);
  expect(spans('previous')).toEqual(['this period', 'the period before']);
});

test('what follows the change reads as a sentence', () => {
  expect(words('2', '1').when).toBe('last day vs before');
  expect(words('2', null).when).toBe('in the last day');
  expect(words(null, null).when).toBe('last day vs before');
});
