import { expect } from 'vitest';

export type Length = 'exact' | 'short';
interface Wanted {
  /** The number as text; null for nothing. */
  readonly exact: string | null;
  readonly format: string | undefined;
  readonly length: Length;
  /** The greatest number beside it: all of them are in its unit and its digits. */
  readonly greatest?: number;
}

const SCALES: { readonly [suffix: string]: number } = { '': 1, K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

/**
 * Reads a number as a person in the United States would and holds it against what it stands for. It shares nothing with
 * what writes numbers on the page.
 */
export function expectShown(
  what: string,
  text: string,
  { exact, format, length, greatest }: Wanted,
): void {
  const told = `${what}: “${text}” for ${exact}`;
  if (exact === null) expect(text, told).toBe('–');
  else if (format === 'datetime')
    expect(Date.parse(`${text} UTC`), told).toBe(Date.parse(`${exact.replace(' ', 'T')}Z`));
  else if (format === undefined && length === 'exact')
    expect(readNumber(text)?.value, told).toBe(Number(exact));
  else expectRounded(told, text, { value: Number(exact), format, greatest });
}

function expectRounded(
  told: string,
  text: string,
  {
    value,
    format,
    greatest = 0,
  }: { value: number; format: string | undefined; greatest: number | undefined },
): void {
  const read = readNumber(text);
  if (!read) expect.fail(`${told}: is no number`);
  // Half of the last digit shown, and never less than three digits.
  const slack = 1e-12 * Math.abs(value);
  expect(Math.abs(read.value - value), told).toBeLessThanOrEqual(read.unit / 2 + slack);
  const coarse = format === 'integer' ? 0.5 : 0.005;
  expect(Math.abs(read.value - value), `${told}: too coarse`).toBeLessThanOrEqual(
    coarse + 0.005 * Math.max(Math.abs(value), greatest) + slack,
  );
  expect(/^[-+]?€/.test(text), `${told}: currency`).toBe(format === 'EUR');
}

/** `-€1.25M` → −1,250,000, in steps of 10,000. */
function readNumber(text: string): { value: number; unit: number } | undefined {
  const match = /^([-+]?)€?(\d{1,3}(?:,\d{3})*|\d+)(\.\d+)?([KMBT]?)(%?)$/.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', suffix = '', percent] = match;
  const scale = (SCALES[suffix] as number) / (percent ? 100 : 1);
  const digits = Math.max(0, fraction.length - 1);
  const value = Number(`${whole.replaceAll(',', '')}${fraction}`) * scale;
  return { value: sign === '-' ? -value : value, unit: 10 ** -digits * scale };
}
