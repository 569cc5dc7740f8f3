import { compareKeys } from './result-order.ts';
import { decimalText, type ResultColumn, type ResultTable } from './result-table.ts';
import { cellText, isNumber } from './result-values.ts';

export interface ColumnStatistics {
  readonly rows: number;
  readonly nulls: number;
  readonly distinct: number;
  /** Of what has an order; as text. */
  readonly min?: string;
  readonly max?: string;
  /** Of numbers; exact text where they are whole or decimal. */
  readonly sum?: string;
  /** Rounded as JavaScript counts. */
  readonly mean?: number;
  /** The most frequent values, first the most frequent. */
  readonly most: readonly { readonly text: string; readonly rows: number }[];
}

const MOST = 10;

/** What is in a column of the result, counted in the page. */
export function columnStatistics(
  { columns, rowCount }: ResultTable,
  index: number,
): ColumnStatistics {
  const column = columns[index] as ResultColumn;
  const counts = new Map<unknown, { row: number; rows: number }>();
  let nulls = 0;
  const sum = new Sum(column.type);
  let [least, greatest]: (number | undefined)[] = [];
  const key = (row: number) => column.sortKey(row) ?? '';
  for (let row = 0; row < rowCount; row++) {
    const value = column.sortKey(row);
    if (value === null) {
      nulls += 1;
      continue;
    }
    const known = counts.get(value);
    if (known) known.rows += 1;
    else counts.set(value, { row, rows: 1 });
    if (least === undefined || compareKeys(value, key(least)) < 0) least = row;
    if (greatest === undefined || compareKeys(value, key(greatest)) > 0) greatest = row;
    sum.add(value);
  }
  const textAt = (row: number) => cellText(column.value(row));
  const most = [...counts.values()].sort((a, b) => b.rows - a.rows || a.row - b.row).slice(0, MOST);
  return {
    rows: rowCount,
    nulls,
    distinct: counts.size,
    ...(least === undefined ? {} : { min: textAt(least) }),
    ...(greatest === undefined ? {} : { max: textAt(greatest) }),
    ...sum.figures(),
    most: most.map(({ row, rows }) => ({ text: textAt(row), rows })),
  };
}

const ROUNDED = new Intl.NumberFormat('en', { maximumSignificantDigits: 12, useGrouping: false });

/** Of numbers: whole ones and decimals exactly, others as JavaScript counts, without what is no number. */
class Sum {
  readonly #isNumber: boolean;
  readonly #isExact: boolean;
  /** Decimals are counted in units of their last digit. */
  readonly #scale: number;
  #exact = 0n;
  #rounded = 0;
  #count = 0;

  constructor(type: string) {
    this.#isNumber = isNumber(type);
    this.#isExact = this.#isNumber && !/^(FLOAT|DOUBLE)$/.test(type);
    this.#scale = Number(/^DECIMAL\(\d+,(\d+)\)$/.exec(type)?.[1] ?? 0);
  }

  add(value: number | bigint | string): void {
    if (!this.#isNumber || typeof value === 'string' || Number.isNaN(value)) return;
    this.#count += 1;
    if (this.#isExact) this.#exact += BigInt(value);
    else this.#rounded += Number(value);
  }

  figures(): { sum?: string; mean?: number } {
    if (this.#count === 0) return {};
    if (!this.#isExact)
      return { sum: ROUNDED.format(this.#rounded), mean: this.#rounded / this.#count };
    const sum = decimalText(this.#exact, this.#scale);
    return { sum, mean: Number(sum) / this.#count };
  }
}
