import type { Chart } from '../../definition/chart.ts';
import type { GridAnswer } from '../answer.ts';
import { columnLabel, formatCell, formatNumber, isNumeric } from '../format.ts';
import type { Theme } from '../theme.ts';
import { nothing } from './nothing.ts';
import type { Drawing, Room, Scene } from './scene.ts';
import { element, type Svg } from './svg.ts';
import { line, shorten, textWidth } from './text.ts';

const SIZE = 13;
const ROW = { height: 28, baseline: 19 };
const FOOT_HEIGHT = 26;
const PADDING = 8;
/** Long texts leave room for others; columns that would be narrower than can be read are left out. */
const COLUMN = { widthMin: 44, widthMax: 420, widthReadable: 104 };

interface Column {
  readonly title: string;
  readonly cells: readonly string[];
  readonly isNumber: boolean;
  readonly x: number;
  readonly width: number;
}

/** The first rows, as many as there is room for. */
export function drawGrid(
  chart: Chart,
  answer: GridAnswer,
  room: Room & { readonly rowsMax: number },
  scene: Scene,
): Drawing {
  if (answer.rows.length === 0) return nothing('No rows', room, scene);
  const fitting =
    room.height === undefined
      ? room.rowsMax
      : Math.max(1, Math.floor((room.height - FOOT_HEIGHT) / ROW.height) - 1);
  const count = Math.min(answer.rows.length, fitting);
  const columns = placeColumns(chart, answer, { count, width: room.width }, scene);
  const { theme } = scene;
  const drawn = columns.flatMap((column) => [
    cell(column, 0, column.title, { color: theme.textMuted, isBold: true }),
    ...column.cells.map((words, index) => cell(column, index + 1, words, { color: theme.text })),
  ]);
  const rules = Array.from({ length: count + 1 }, (_, index) =>
    rule((index + 1) * ROW.height, room.width, theme),
  );
  const bottom = (count + 1) * ROW.height;
  const foot = footWords(answer, { rows: count, columns: columns.length }, scene);
  return {
    svg: [
      ...rules,
      ...drawn,
      line(PADDING, bottom + 18, foot, { size: 12, color: theme.textMuted }),
    ].join(''),
    height: bottom + FOOT_HEIGHT,
  };
}

function footWords(
  { rowCount, columns }: GridAnswer,
  shown: { rows: number; columns: number },
  { wording }: Scene,
): string {
  const all = formatNumber(rowCount, 'integer', wording);
  const rows =
    rowCount > shown.rows
      ? `${shown.rows} of ${all} rows`
      : `${all} ${rowCount === 1 ? 'row' : 'rows'}`;
  if (columns.length === shown.columns) return rows;
  return `${rows}, ${shown.columns} of ${columns.length} columns`;
}

function rule(y: number, width: number, theme: Theme): Svg {
  return element('path', { d: `M0 ${y}H${width}`, stroke: theme.border, 'stroke-width': 1 });
}

function cell(
  { x, width, isNumber }: Column,
  row: number,
  words: string,
  style: { color: string; isBold?: boolean },
): Svg {
  const shown = shorten(words, width - 2 * PADDING, SIZE, style.isBold);
  if (shown === '') return '';
  const at = isNumber ? x + width - PADDING : x + PADDING;
  return line(at, row * ROW.height + ROW.baseline, shown, {
    ...style,
    size: SIZE,
    align: isNumber ? 'end' : 'start',
  });
}

function placeColumns(
  chart: Chart,
  { columns, rows }: GridAnswer,
  { count, width }: { count: number; width: number },
  { wording }: Scene,
): Column[] {
  const texts = columns.map(({ name, type }, index) => {
    const title = columnLabel(name);
    const cells = rows
      .slice(0, count)
      .map((row) => formatCell(row[index], type, chart.formats?.[name], wording));
    const widest = Math.max(
      textWidth(title, SIZE, true),
      ...cells.map((words) => textWidth(words, SIZE)),
    );
    const wanted = Math.ceil(widest) + 2 * PADDING;
    return {
      title,
      cells,
      isNumber: isNumeric(type),
      wanted: Math.min(COLUMN.widthMax, Math.max(COLUMN.widthMin, wanted)),
    };
  });
  const kept = texts.slice(0, fittingCount(texts, width));
  const widths = shareOut(
    kept.map(({ wanted }) => wanted),
    width,
  );
  let x = 0;
  return kept.map((column, index) => {
    const own = widths[index] as number;
    const placed = { ...column, x, width: own };
    x += own;
    return placed;
  });
}

function fittingCount(columns: readonly { readonly wanted: number }[], width: number): number {
  let used = 0;
  const fitting = columns.findIndex(({ wanted }) => {
    used += Math.min(wanted, COLUMN.widthReadable);
    return used > width;
  });
  return fitting === -1 ? columns.length : Math.max(1, fitting);
}

/** Room that is left is shared; where it lacks, the widest give first. */
function shareOut(wanted: readonly number[], width: number): number[] {
  const sum = wanted.reduce((total, one) => total + one, 0);
  if (sum <= width) return wanted.map((one) => one + ((width - sum) * one) / sum);
  let cap = width / wanted.length;
  // Columns below the cap leave their rest to the others; each round raises it, until all is given out.
  for (let round = 0; round < wanted.length; round++) {
    const wide = wanted.filter((one) => one > cap);
    const narrow = wanted.filter((one) => one <= cap).reduce((total, one) => total + one, 0);
    cap = (width - narrow) / wide.length;
  }
  return wanted.map((one) => Math.min(one, cap));
}
