import { describe, expect, test } from 'vitest';
import { axisScale, barScale } from '../../src/dashboard/number-scale.ts';

const wording = (language = 'en') => ({ language, timeZone: 'UTC' });
/** Some languages have a space that no line breaks at. */
const plain = (text: string) => text.replace(/\s/g, ' ');
const bars = (values: readonly number[], format?: string, language?: string) =>
  values.map(barScale(values, format, wording(language))).map(plain);
const axis = (ticks: readonly number[], format?: string, language?: string) =>
  ticks.map(axisScale(ticks, format, wording(language)));

describe('the values at bars', () => {
  test('are in one unit, with one number of digits', () => {
    expect(bars([14_254, 6770, 747.28], 'GBP')).toEqual(['£14.25K', '£6.77K', '£0.75K']);
    expect(bars([12_990, 9830.91, 6823.1])).toEqual(['12.99K', '9.83K', '6.82K']);
    expect(bars([5889.2, 716.18], 'GBP')).toEqual(['£5,889', '£716']);
    expect(bars([716.18, 3], 'GBP')).toEqual(['£716.18', '£3.00']);
    expect(bars([336, 302, 17])).toEqual(['336', '302', '17']);
    expect(bars([0.0031, 0.002])).toEqual(['0.00310', '0.00200']);
    expect(bars([0.31, 0.052], 'percent')).toEqual(['31.0%', '5.2%']);
    expect(bars([3_000_000, 512], 'bytes')).toEqual(['2.9 MB', '512 B']);
    expect(bars([45_680, -315.06], 'USD')).toEqual(['$45.68K', '-$0.32K']);
  });

  test('say zero plainly, and never of what is not zero', () => {
    expect(bars([377_620, 0, 4.2], 'GBP')).toEqual(['£377.6K', '£0', '£4.20']);
    expect(bars([])).toEqual([]);
  });

  test('are in the units of the language', () => {
    expect(bars([1_234_000, 200_000], 'EUR', 'de')).toEqual(['1,23 Mio. €', '0,20 Mio. €']);
    expect(bars([12_990, 9830.91], undefined, 'de')).toEqual(['12.990', '9.831']);
    expect(bars([123_400, 20_000], undefined, 'ja')).toEqual(['12.34万', '2.00万']);
  });
});

describe('the labels of an axis', () => {
  test('are in one unit, and no finer than its steps', () => {
    expect(axis([0, 5000, 10_000, 15_000], 'GBP')).toEqual(['£0', '£5K', '£10K', '£15K']);
    expect(axis([0, 2500, 5000, 10_000])).toEqual(['0', '2.5K', '5.0K', '10.0K']);
    expect(axis([0, 0.5, 1], 'GBP')).toEqual(['£0', '£0.50', '£1.00']);
    expect(axis([-0.2, 0, 0.2], 'percent')).toEqual(['-20%', '0%', '20%']);
    expect(axis([0, 500_000, 1_000_000], 'GBP')).toEqual(['£0', '£0.5M', '£1.0M']);
  });
});
