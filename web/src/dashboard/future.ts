import { parseTime } from '../../../src/core/time-grain.ts';
import type { DashboardAnswer } from '../../../src/dashboard/answer.ts';

/** Times without a zone may be of any: only what is ahead of them all is in the future. */
const ZONES_MS = 86_400_000;

/** The source whose newest row is of the farthest future, if any is. */
export function futureSource(
  newest: DashboardAnswer['newest'],
  nowMs: number,
): { readonly source: string; readonly newestMs: number } | undefined {
  return Object.entries(newest)
    .map(([source, time]) => ({ source, newestMs: parseTime(time ?? '') }))
    .filter(({ newestMs }) => newestMs > nowMs + ZONES_MS)
    .sort((a, b) => b.newestMs - a.newestMs)[0];
}
