import { expect, test } from 'vitest';
import type { KpiAnswer } from '../../src/dashboard/answer.ts';
import { wholeWords } from '../../src/dashboard/share.ts';
import type { Chart } from '../../src/definition/chart.ts';

const chart: Chart = { kind: 'kpi', id: 'revenue', title: 'Revenue', from: 'sales', format: 'GBP' };
const words = (value: KpiAnswer['value'], total?: KpiAnswer['value'], isShare = true) =>
  wholeWords(
    chart,
    { kind: 'kpi', value, ...(total === undefined ? {} : { total, isShare }) },
    { language: 'en-GB', timeZone: 'UTC' },
  );

test('a sum is told as its share of the whole', () => {
  expect(words('25', '100')).toBe('25% of £100.00');
});

test('without a filter there is nothing to compare with', () => {
  expect(words('25')).toBeUndefined();
});

test('what is no part of the whole stands beside it', () => {
  expect(words('236.35', '235.87', false)).toBe('all: £235.87');
  expect(words(null, '235.87', false)).toBe('all: £235.87');
  expect(words('0', '0')).toBe('all: £0.00');
});

test('little is not nothing, nearly all is not all, and no rows are none of it', () => {
  expect(words('860', '5180000')).toBe('<0.1% of £5.18m');
  expect(words('5179999', '5180000')).toBe('>99.9% of £5.18m');
  expect(words('0', '5000')).toBe('0% of £5,000');
  expect(words(null, '973850')).toBe('0% of £973.85k');
});
