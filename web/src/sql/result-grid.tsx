// biome-ignore-all lint/a11y/useSemanticElements: a <table> cannot hold some rows of many at their places
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus, and says which cell is chosen
// biome-ignore-all lint/a11y/useKeyWithClickEvents: the grid has the keys
import { useVirtualizer, type VirtualItem } from '@tanstack/react-virtual';
import { type KeyboardEvent, type RefObject, useId, useMemo, useRef, useState } from 'react';
import { formatCount } from '../format.ts';
import { CopyButton } from '../ui/code.tsx';
import styles from './result-grid.module.css';
import { type Order, type Sorting, sortedRows } from './result-order.ts';
import type { ResultTable } from './result-table.ts';
import { cellText, columnWidths, isNumber, typeText, valueText } from './result-values.ts';

const ROW_PX = 28;
const OVERSCAN = 12;

interface Cell {
  readonly row: number;
  readonly column: number;
}

interface ResultGridProps {
  readonly result: ResultTable;
  /** Somebody wants to know more of a column. */
  readonly onColumn: (column: number) => void;
}

/**
 * A result of any length: only the rows and columns in sight are in the document. Arrow keys go from cell to
 * cell, and the value of the chosen one stands below in full.
 */
export function ResultGrid({ result, onColumn }: ResultGridProps) {
  const { columns, rowCount } = result;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const [chosen, setChosen] = useState<Cell>();
  const [sorting, setSorting] = useState<Sorting>();
  const order = useMemo(() => sortedRows(result, sorting), [result, sorting]);
  const { vertical, horizontal } = useWindow(box, result);
  const choose = (cell: Cell) => {
    setChosen(cell);
    vertical.scrollToIndex(cell.row);
    horizontal.scrollToIndex(cell.column);
  };
  const move = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / ROW_PX) - 2);
    const next = moved(event, chosen ?? { row: 0, column: -1 }, { page, result });
    if (!next) return;
    event.preventDefault();
    choose(next);
  };
  return (
    <div className={styles['frame']}>
      <div
        ref={box}
        className={styles['box']}
        role="grid"
        aria-label="Result"
        aria-rowcount={rowCount + 1}
        aria-colcount={columns.length}
        aria-readonly="true"
        tabIndex={0}
        onKeyDown={move}
        {...(chosen ? { 'aria-activedescendant': cellId(id, chosen) } : {})}
      >
        <GridHead
          result={result}
          places={horizontal.getVirtualItems()}
          widthPx={horizontal.getTotalSize()}
          sorting={sorting}
          onSort={setSorting}
          onColumn={onColumn}
        />
        <div
          role="rowgroup"
          className={styles['body']}
          style={{ width: horizontal.getTotalSize(), height: vertical.getTotalSize() }}
        >
          {vertical.getVirtualItems().map(({ index, start }) => (
            <GridRow
              key={index}
              id={id}
              row={index}
              startPx={start}
              result={result}
              order={order}
              places={horizontal.getVirtualItems()}
              chosen={chosen?.row === index ? chosen : undefined}
              onChoose={setChosen}
            />
          ))}
        </div>
      </div>
      <ChosenValue result={result} order={order} chosen={chosen} />
    </div>
  );
}

/** Which rows and columns are in sight. */
function useWindow(box: RefObject<HTMLDivElement | null>, result: ResultTable) {
  const widths = useMemo(() => columnWidths(result), [result]);
  const vertical = useVirtualizer({
    count: result.rowCount,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
  });
  const horizontal = useVirtualizer({
    horizontal: true,
    count: result.columns.length,
    getScrollElement: () => box.current,
    estimateSize: (index) => widths[index] ?? 0,
    overscan: 2,
  });
  return { vertical, horizontal };
}

const cellId = (id: string, { row, column }: Cell): string => `${id}-${row}-${column}`;

interface GridHeadProps {
  readonly result: ResultTable;
  /** Columns in sight. */
  readonly places: readonly VirtualItem[];
  readonly widthPx: number;
  readonly sorting: Sorting | undefined;
  readonly onSort: (sorting: Sorting | undefined) => void;
  readonly onColumn: (column: number) => void;
}

const SORTED = { up: 'ascending', down: 'descending' } as const;
const SIGNS = { up: '▲', down: '▼' } as const;

function GridHead({
  result: { columns },
  places,
  widthPx,
  sorting,
  onSort,
  onColumn,
}: GridHeadProps) {
  return (
    <div role="row" aria-rowindex={1} className={styles['head']} style={{ width: widthPx }}>
      {places.map(({ index, start, size }) => {
        const { name = '', type = '' } = columns[index] ?? {};
        const way = sorting?.column === index ? sorting.way : undefined;
        return (
          <div
            key={index}
            role="columnheader"
            aria-colindex={index + 1}
            aria-sort={way ? SORTED[way] : 'none'}
            className={`${styles['column']} ${isNumber(type) ? styles['number'] : ''}`}
            style={{ left: start, width: size }}
          >
            <button
              type="button"
              className={styles['sort']}
              title={`Sort by ${name}`}
              onClick={() => onSort(nextSorting(index, way))}
            >
              <span className={styles['name']}>{name}</span>
              {way && <span aria-hidden="true">{SIGNS[way]}</span>}
            </button>
            <button
              type="button"
              className={styles['type']}
              title={`What is in ${name}`}
              aria-label={`${typeText(type)}: statistics of ${name}`}
              onClick={() => onColumn(index)}
            >
              {typeText(type)}
            </button>
          </div>
        );
      })}
    </div>
  );
}

/** Up, down, and as the query gave it. */
function nextSorting(column: number, way: 'up' | 'down' | undefined): Sorting | undefined {
  if (way === 'down') return undefined;
  return { column, way: way === 'up' ? 'down' : 'up' };
}

interface GridRowProps {
  readonly id: string;
  readonly row: number;
  readonly startPx: number;
  readonly result: ResultTable;
  readonly order: Order;
  readonly places: readonly VirtualItem[];
  /** Where it is in this row. */
  readonly chosen: Cell | undefined;
  readonly onChoose: (cell: Cell) => void;
}

function GridRow({ id, row, startPx, result, order, places, chosen, onChoose }: GridRowProps) {
  return (
    <div
      role="row"
      aria-rowindex={row + 2}
      className={styles['row']}
      style={{ transform: `translateY(${startPx}px)` }}
    >
      {places.map(({ index: column, start, size }) => (
        <GridCell
          key={column}
          id={cellId(id, { row, column })}
          column={column}
          value={result.columns[column]?.value(order(row))}
          isNumber={isNumber(result.columns[column]?.type ?? '')}
          isChosen={chosen?.column === column}
          place={{ left: start, width: size }}
          onChoose={() => onChoose({ row, column })}
        />
      ))}
    </div>
  );
}

interface GridCellProps {
  readonly id: string;
  readonly column: number;
  readonly value: unknown;
  readonly isNumber: boolean;
  readonly isChosen: boolean;
  readonly place: { readonly left: number; readonly width: number };
  readonly onChoose: () => void;
}

function GridCell({
  id,
  column,
  value,
  isNumber: right,
  isChosen,
  place,
  onChoose,
}: GridCellProps) {
  const isNull = value === null || value === undefined;
  const names = [
    styles['cell'],
    right && styles['number'],
    isNull && styles['null'],
    isChosen && styles['chosen'],
  ];
  return (
    <div
      id={id}
      role="gridcell"
      aria-colindex={column + 1}
      aria-selected={isChosen}
      className={names.filter(Boolean).join(' ')}
      style={place}
      onClick={onChoose}
    >
      {isNull ? 'NULL' : cellText(value)}
    </div>
  );
}

interface MoveOptions {
  /** Rows of a page. */
  readonly page: number;
  readonly result: ResultTable;
}

function moved(
  event: KeyboardEvent,
  { row, column }: Cell,
  options: MoveOptions,
): Cell | undefined {
  const { page, result } = options;
  const [lastRow, lastColumn] = [result.rowCount - 1, result.columns.length - 1];
  const all = event.ctrlKey || event.metaKey;
  const to: { readonly [key: string]: Cell } = {
    ArrowDown: { row: row + 1, column },
    ArrowUp: { row: row - 1, column },
    ArrowRight: { row, column: column + 1 },
    ArrowLeft: { row, column: column - 1 },
    PageDown: { row: row + page, column },
    PageUp: { row: row - page, column },
    Home: { row: all ? 0 : row, column: 0 },
    End: { row: all ? lastRow : row, column: lastColumn },
  };
  const wanted = to[event.key];
  if (!wanted || lastRow < 0) return undefined;
  const within = (value: number, last: number) => Math.min(last, Math.max(0, value));
  return { row: within(wanted.row, lastRow), column: within(wanted.column, lastColumn) };
}

interface ChosenValueProps {
  readonly result: ResultTable;
  readonly order: Order;
  readonly chosen: Cell | undefined;
}

function ChosenValue({ result, order, chosen }: ChosenValueProps) {
  const column = chosen && result.columns[chosen.column];
  if (!chosen || !column)
    return <p className={styles['value']}>A cell that is chosen is shown here in full.</p>;
  const value = column.value(order(chosen.row));
  const text = value === null || value === undefined ? 'NULL' : valueText(value);
  return (
    <div className={styles['value']}>
      <span>
        Row {formatCount(chosen.row + 1)}, {column.name}:
      </span>
      <code>{text}</code>
      <CopyButton text={text} what="value" />
    </div>
  );
}
