import type { SqlResult } from '../api.ts';

/** A value of a result as text, exactly as it was sent. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/;

export const isNumber = (type: string): boolean => NUMBER.test(type);

/** Shorter where the long form says no more. */
export const typeText = (type: string): string =>
  type === 'TIMESTAMP WITH TIME ZONE' ? 'timestamptz (UTC)' : type.toLowerCase();

const SAMPLED_ROWS = 200;
const [CHARACTERS_MIN, CHARACTERS_MAX] = [6, 42];
/** Of the grid's font: letters on average, and digits, which are all as wide. */
const [LETTER_PX, DIGIT_PX] = [7.4, 8.4];
const PADDING_PX = 28;

/** A width in pixels for each column, from its name, its type and the first rows. */
export function columnWidths({ columns, rows }: SqlResult): number[] {
  const sample = rows.slice(0, SAMPLED_ROWS);
  return columns.map(({ name, type }, index) => {
    const longest = Math.max(
      name.length,
      typeText(type).length * 0.85,
      ...sample.map((row) => valueText(row[index] ?? '').length),
    );
    const characters = Math.min(CHARACTERS_MAX, Math.max(CHARACTERS_MIN, longest));
    return Math.ceil(characters * (isNumber(type) ? DIGIT_PX : LETTER_PX) + PADDING_PX);
  });
}
