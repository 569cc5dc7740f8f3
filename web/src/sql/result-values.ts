import type { ResultTable } from './result-table.ts';

/** A value of a result as text, exactly as it was sent. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The value on one line, its line breaks as signs; only as much as a cell can show. */
export function cellText(value: unknown): string {
  const text = valueText(value);
  const shown = text.length > CELL_CHARACTERS_MAX ? text.slice(0, CELL_CHARACTERS_MAX) : text;
  return shown.replace(/\r\n|[\n\r\u0085\u2028\u2029]/g, '↵').replace(/[\t\v\f]/g, ' ');
}

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\))$/;
const TIME = /^(DATE|TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?)$/;

export const isNumber = (type: string): boolean => NUMBER.test(type);

export const isTime = (type: string): boolean => TIME.test(type);

/** Of a day or a time as results have it, of UTC; undefined for what is none, or beyond what a clock shows. */
export function utcMs(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z?)?$/.test(text)) return undefined;
  const ms = Date.parse(text.includes('T') && !text.endsWith('Z') ? `${text}Z` : text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Shorter where the long form says no more. */
export const typeText = (type: string): string =>
  type === 'TIMESTAMP WITH TIME ZONE' ? 'timestamptz (UTC)' : type.toLowerCase();

/** More than the widest column has room for. */
const CELL_CHARACTERS_MAX = 500;
const SAMPLED_ROWS = 200;
const [CHARACTERS_MIN, CHARACTERS_MAX] = [6, 42];
/** Of the grid's font: letters on average, and digits, capitals and dashes, which are wider. */
const [LETTER_PX, WIDE_PX] = [7.4, 8.6];
const PADDING_PX = 28;

/** A width in pixels for each column, from its name, its type and the first rows. */
export function columnWidths({ columns, rowCount }: ResultTable): number[] {
  const sample = Array.from({ length: Math.min(rowCount, SAMPLED_ROWS) }, (_, row) => row);
  return columns.map(({ name, type, value }) => {
    const widest = Math.max(
      CHARACTERS_MIN * LETTER_PX,
      textPx(name),
      textPx(typeText(type)) * 0.9,
      ...sample.map((row) => textPx(cellText(value(row) ?? ''))),
    );
    return Math.ceil(Math.min(CHARACTERS_MAX * LETTER_PX, widest) + PADDING_PX);
  });
}

function textPx(text: string): number {
  const shown = text.slice(0, CHARACTERS_MAX + 1);
  const wide = shown.match(/[0-9A-Z_\-+:mw]/g)?.length ?? 0;
  return wide * WIDE_PX + (shown.length - wide) * LETTER_PX;
}
