import writeWorkbook, { type SheetData } from 'write-excel-file/universal';
import type { ResultColumn, ResultTable } from './result-table.ts';
import { columnWidths, isNumber, utcMs, valueText } from './result-values.ts';

/** Rows of a sheet (ECMA-376 leaves it to programs; Excel has these), the first with the names. */
export const SHEET_ROWS_MAX = 1_048_576;
const CELL_CHARACTERS_MAX = 32_767;
const DIGIT_PX = 8;

type Cell = SheetData[number][number];

/**
 * A result as an Excel workbook. Excel counts with 15 digits and knows days from 1900 on: what does not fit is text, and
 * so is every text, whatever it begins with.
 */
export async function workbook(result: ResultTable): Promise<Blob> {
  const { columns, rowCount } = result;
  const head = columns.map(({ name }) => ({
    value: name,
    type: String,
    fontWeight: 'bold' as const,
  }));
  const rows = Array.from({ length: rowCount }, (_, row) =>
    columns.map((column) => cellOf(column, row)),
  );
  const data: SheetData = [head, ...rows];
  return writeWorkbook(data, {
    sheet: 'result',
    stickyRowsCount: 1,
    // A sheet counts in digits of its font.
    columns: columnWidths(result).map((px) => ({ width: Math.ceil(px / DIGIT_PX) })),
  }).toBlob();
}

function cellOf({ type, value }: ResultColumn, row: number): Cell {
  const given = value(row);
  if (given === null || given === undefined) return null;
  if (typeof given === 'boolean') return { value: given, type: Boolean };
  const text = valueText(given);
  if (isNumber(type) && Number.isFinite(Number(text)) && digitsOf(text) <= 15)
    return { value: Number(text), type: Number };
  const day = dateFormat(type);
  const date = day === undefined ? undefined : dateOf(text);
  if (day !== undefined && date) return { value: date, type: Date, format: day };
  return { value: text.slice(0, CELL_CHARACTERS_MAX), type: String };
}

const digitsOf = (text: string): number =>
  text
    .replace(/e.*$/i, '')
    .replace(/^-?0*\.?0*/, '')
    .replace(/\D/g, '').length;

const dateFormat = (type: string): string | undefined =>
  type === 'DATE' ? 'yyyy-mm-dd' : type.startsWith('TIMESTAMP') ? 'yyyy-mm-dd hh:mm:ss' : undefined;

/** Times are of UTC, as on the page. Excel has a 29th of February in 1900, and counts the days before it otherwise. */
function dateOf(text: string): Date | undefined {
  if (text < '1900-03-01' || /\.\d{4}/.test(text)) return undefined;
  const ms = utcMs(text);
  return ms === undefined ? undefined : new Date(ms);
}
