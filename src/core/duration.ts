export const HOUR_MS = 3_600_000;

const DURATION = /^(\d+)\s*(ms|s|m|h|d|w|y)$/;
const UNIT_MS: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: HOUR_MS,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** `'60s'`, `'7d'` → milliseconds; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  const match = DURATION.exec(text);
  return match ? Number(match[1]) * (UNIT_MS[match[2] as string] as number) : undefined;
}
