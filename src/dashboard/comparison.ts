import type { Chart } from '../definition/chart.ts';
import type { KpiAnswer } from './answer.ts';
import { formatChange, formatPoints, NOTHING, type Wording } from './format.ts';

/** How a figure has changed, in words. */
export interface ComparisonWords {
  /** `▲ +4.2%`; of a share `▲ +4.2 points`. */
  readonly change: string;
  /** Whether that is what the definition calls good. */
  readonly tone: 'good' | 'bad' | 'neutral';
  /** `last 7 days` */
  readonly current: string;
  /** `the 7 days before` */
  readonly previous: string;
  /** What follows the change: `last 7 days vs before`; of what was not there before: `in the last 7 days`. */
  readonly when: string;
}

export function comparisonWords(
  { good = 'up', format }: Chart,
  { span, current, previous }: NonNullable<KpiAnswer['compare']>,
  wording: Wording,
): ComparisonWords {
  const rise = Math.sign(Number(current) - Number(previous));
  // Half of 40% is 20%, and would be told as -50%: a share changes by points.
  const change =
    format === 'percent'
      ? formatPoints(current, previous, wording)
      : formatChange(current, previous, wording);
  const spans = comparedSpans(span);
  if (change === undefined) {
    // From nothing to something there is no share; from nothing to nothing there is no news.
    const isNew = Number(previous) === 0 && Number.isFinite(rise) && rise !== 0;
    if (!isNew) return { ...spans, change: NOTHING, tone: 'neutral' };
    return { ...spans, change: 'new', when: sinceWhen(span), tone: 'neutral' };
  }
  if (rise === 0) return { ...spans, change, tone: 'neutral' };
  return {
    ...spans,
    change: `${rise > 0 ? '▲' : '▼'} ${change}`,
    tone: rise > 0 === (good === 'up') ? 'good' : 'bad',
  };
}

const UNITS: { readonly [unit: string]: string } = {
  ms: 'millisecond',
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  y: 'year',
};

/** `1d` → `day`, `7d` → `7 days`. */
function spanName(span: string): string {
  const [, count, unit = ''] = /^(\d+)\s*(\w+)$/.exec(span) ?? [];
  const word = UNITS[unit];
  if (word === undefined) return span;
  return count === '1' ? word : `${count} ${word}s`;
}

/** `1d` → last day, the day before; `7d` → last 7 days, the 7 days before. */
function comparedSpans(span: string): { current: string; previous: string; when: string } {
  if (span === 'previous')
    return {
      current: 'this period',
      previous: 'the period before',
      when: 'this period vs before',
    };
  const name = spanName(span);
  return {
    current: `last ${name}`,
    previous: `the ${name} before`,
    when: `last ${name} vs before`,
  };
}

const sinceWhen = (span: string): string =>
  span === 'previous' ? 'in this period' : `in the last ${spanName(span)}`;
