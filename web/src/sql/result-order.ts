import type { ResultTable, SortKey } from './result-table.ts';

export interface Sorting {
  readonly column: number;
  readonly way: 'up' | 'down';
}

/** Which row of the result stands at a place of the grid. */
export type Order = (place: number) => number;

const AS_GIVEN: Order = (place) => place;

/** As the engine orders values: NaN is greater than any number. */
export function compareKeys(a: SortKey, b: SortKey): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  if (Number.isNaN(a)) return 1;
  if (Number.isNaN(b)) return -1;
  return a < b ? -1 : 1;
}

/** Rows by the values of a column; NULL comes last both ways, and equal ones stay in the order of the result. */
export function sortedRows({ columns, rowCount }: ResultTable, sorting?: Sorting): Order {
  const column = sorting && columns[sorting.column];
  if (!column) return AS_GIVEN;
  const keys = Array.from({ length: rowCount }, (_, row) => column.sortKey(row));
  const rows = Uint32Array.from({ length: rowCount }, (_, row) => row);
  const sign = sorting.way === 'up' ? 1 : -1;
  rows.sort((one, other) => {
    const [a, b] = [keys[one] ?? null, keys[other] ?? null];
    if (a === null || b === null) return a === b ? one - other : a === null ? 1 : -1;
    return sign * compareKeys(a, b) || one - other;
  });
  return (place) => rows[place] ?? place;
}
