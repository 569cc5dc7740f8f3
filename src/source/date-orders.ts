import { MillraceError } from '../core/errors.ts';
import { type DateOrder, orderEvidence } from './date-forms.ts';
import type { FileSource } from './source.ts';

/** A column of a CSV whose cells are dates. */
export interface DateColumn {
  readonly index: number;
  readonly field: string;
}

/** So many rows are looked at even where the first has told the order: a later one may contradict it. */
const SAMPLE_ROWS = 20_000;

type Evidence = NonNullable<ReturnType<typeof orderEvidence>>;

interface Example {
  readonly text: string;
  readonly line: number | undefined;
}

/**
 * The order of day and month in each column: what the first rows show, and where they leave it open, the
 * first row that shows it. A column without dates such as `12/1/2010` there has none.
 *
 * @throws MillraceError MR_IMPORT_FILE where rows contradict each other, and where no row shows the order.
 */
export async function findOrders(
  source: FileSource,
  columns: readonly DateColumn[],
): Promise<Map<string, DateOrder>> {
  const found = columns.map((column) => ({ ...column, seen: new Map<Evidence, Example>() }));
  if (found.length > 0) await gather(source, found);
  const orders = new Map<string, DateOrder>();
  for (const { field, seen } of found) {
    const order = orderOf(source.path, field, seen);
    if (order !== undefined) orders.set(field, order);
  }
  return orders;
}

interface Found extends DateColumn {
  readonly seen: Map<Evidence, Example>;
}

async function gather(source: FileSource, columns: readonly Found[]): Promise<void> {
  let rows = 0;
  for await (const batch of source.batches()) {
    for (const row of batch) {
      if (rows >= SAMPLE_ROWS && !columns.some(isOpen)) return;
      rows += 1;
      for (const { index, seen } of columns) {
        const text = row.values[index]?.trim() ?? '';
        const evidence = orderEvidence(text);
        if (evidence !== undefined && !seen.has(evidence))
          seen.set(evidence, { text, line: row.line });
      }
    }
  }
}

const isOpen = ({ seen }: Found): boolean =>
  seen.has('either') && !seen.has('MDY') && !seen.has('DMY');

function orderOf(
  path: string,
  field: string,
  seen: ReadonlyMap<Evidence, Example>,
): DateOrder | undefined {
  const [month, day, either] = [seen.get('MDY'), seen.get('DMY'), seen.get('either')];
  if (month && day)
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${path}: the dates of '${field}' are month/day in ${place(month)} and day/month in ${place(day)}. Say which is right with --dates MDY or --dates DMY; rows of the other order are then rejected.`,
    );
  if (either && !month && !day)
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${path}: the dates of '${field}' can be read as month/day and as day/month, as ${place(either)}. Say which with --dates MDY or --dates DMY.`,
    );
  return month ? 'MDY' : day ? 'DMY' : undefined;
}

function place({ text, line }: Example): string {
  return line === undefined ? `'${text}'` : `line ${line} ('${text}')`;
}
