import { type ReactNode, type RefObject, useEffect, useRef, useState } from 'react';
import styles from './table.module.css';

export interface Column<Row> {
  readonly title: string;
  /** Numbers stand at the right, so that their digits compare. */
  readonly align?: 'left' | 'right';
  /** Its text may take several lines. */
  readonly wraps?: boolean;
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
  const box = useRef<HTMLElement>(null);
  const scrolls = useScrolls(box);
  return (
    // What scrolls must be reachable by keyboard, and nothing else.
    <section
      ref={box}
      className={styles['scroll']}
      aria-label={label}
      {...(scrolls ? { tabIndex: 0 } : {})}
    >
      <table className={styles['table']}>
        <thead>
          <tr>
            {columns.map(({ title, align }, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: titles are values of data, and may be equal
              <th key={at} scope="col" className={styles[align ?? 'left']}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ align, wraps, cell }, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above
                <td key={at} className={styles[wraps ? 'wraps' : (align ?? 'left')]}>
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

/** Whether it is narrower, or lower, than what is in it. */
function useScrolls(box: RefObject<HTMLElement | null>): boolean {
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() =>
      setScrolls(
        element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight,
      ),
    );
    for (const watched of [element, ...element.children]) observer.observe(watched);
    return () => observer.disconnect();
  }, [box]);
  return scrolls;
}
