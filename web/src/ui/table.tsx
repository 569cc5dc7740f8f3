import type { ReactNode } from 'react';
import styles from './table.module.css';

export interface Column<Row> {
  readonly title: string;
  /** Numbers stand at the right, so that their digits compare. */
  readonly align?: 'left' | 'right';
  cell(row: Row): ReactNode;
}

interface TableProps<Row> {
  /** Read to those who do not see the table. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  keyOf(row: Row): string;
}

/** A table of some rows; it scrolls sideways by itself where the page is narrow. */
export function Table<Row>({ label, columns, rows, keyOf }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={styles['scroll']} aria-label={label} tabIndex={0}>
      <table className={styles['table']}>
        <thead>
          <tr>
            {columns.map(({ title, align }) => (
              <th key={title} scope="col" className={styles[align ?? 'left']}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, align, cell }) => (
                <td key={title} className={styles[align ?? 'left']}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
