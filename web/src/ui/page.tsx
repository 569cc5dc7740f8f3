import { type ReactNode, useEffect } from 'react';
import styles from './page.module.css';

interface PageProps {
  readonly title: string;
  /** One line under the title. */
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  /** Has use for a very wide screen. */
  readonly isWide?: boolean;
  readonly children: ReactNode;
}

/** The frame of a page: its title in the tab and as heading. */
export function Page({ title, lead, actions, isWide = false, children }: PageProps) {
  usePageTitle(title);
  return (
    <div className={styles['page']} {...(isWide ? { 'data-wide': true } : {})}>
      <div className={styles['head']}>
        <div>
          <h1>{title}</h1>
          {lead !== undefined && <p className={styles['lead']}>{lead}</p>}
        </div>
        {actions}
      </div>
      {children}
    </div>
  );
}

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · millrace`;
  }, [title]);
}
