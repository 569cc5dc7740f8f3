import type { Chart } from '../definition/chart.ts';
import type { KpiAnswer } from './answer.ts';
import { formatNumber, formatShare, type Wording } from './format.ts';

/** Shares are told in tenths of a per cent. */
const STEP = 0.001;

/** What a figure is of: `7.7% of £273M`, `all: 4.2` where it is no part of that; undefined where nothing is filtered. */
export function wholeWords(
  { format }: Chart,
  { value, total, isShare = false }: KpiAnswer,
  wording: Wording,
): string | undefined {
  if (total === undefined) return undefined;
  const whole = formatNumber(total, format, wording, 'short');
  if (!isShare || total === null || Number(total) === 0) return `all: ${whole}`;
  // The sum of no rows is no number, and no part of the whole.
  return `${shareText(value ?? '0', total, wording)} of ${whole}`;
}

/** What is more than nothing and less than everything does not read as either. */
function shareText(part: string, whole: string, wording: Wording): string {
  const share = Number(part) / Number(whole);
  if (share > 0 && share < STEP / 2) return `<${formatShare('1', '1000', wording)}`;
  if (share < 1 && share > 1 - STEP / 2) return `>${formatShare('999', '1000', wording)}`;
  return formatShare(part, whole, wording);
}
