import { createContext, type ReactNode, useContext } from 'react';
import { createPortal } from 'react-dom';
import { Link, useLocation } from 'wouter';
import styles from './header.module.css';
import { ThemeMenu } from './theme-menu.tsx';

const NAVIGATION: readonly (readonly [path: string, label: string])[] = [
  ['/', 'Dashboards'],
  ['/streams', 'Streams'],
  ['/models', 'Models'],
  ['/sql', 'SQL'],
  ['/lookups', 'Lookups'],
];

const isAt = (here: string, path: string): boolean =>
  path === '/' ? here === '/' || here.startsWith('/d/') : here === path;

interface HeaderProps {
  readonly onSlot: (element: HTMLElement | null) => void;
  /** False where there is nowhere to go before a login. */
  readonly hasNavigation: boolean;
  readonly userMenu?: ReactNode;
}

export function Header({ onSlot, hasNavigation, userMenu }: HeaderProps) {
  const [here] = useLocation();
  return (
    <header className={`${styles['header']} no-print`}>
      <Link href="/" className={styles['brand']} aria-label="millrace, start page">
        <Mark />
        <span>millrace</span>
      </Link>
      <nav aria-label="Main" className={styles['nav']} hidden={!hasNavigation}>
        {NAVIGATION.map(([path, label]) => (
          <Link
            key={path}
            href={path}
            className={styles['link']}
            {...(isAt(here, path) ? { 'aria-current': 'page' as const } : {})}
          >
            {label}
          </Link>
        ))}
      </nav>
      <div className={styles['side']}>
        <div ref={onSlot} className={styles['slot']} />
        <ThemeMenu />
        {userMenu}
      </div>
    </header>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" className={styles['mark']}>
      <rect width="32" height="32" rx="7" />
      <path d="M6 11c3.3-3 6.7-3 10 0s6.7 3 10 0M6 17c3.3-3 6.7-3 10 0s6.7 3 10 0M6 23c3.3-3 6.7-3 10 0s6.7 3 10 0" />
    </svg>
  );
}

/** The place in the header that a page may fill. */
export const HeaderSlot = createContext<HTMLElement | null>(null);

/** Puts what a page controls (freshness, sharing) into the header. */
export function HeaderControls({ children }: { children: ReactNode }) {
  const slot = useContext(HeaderSlot);
  return slot && createPortal(children, slot);
}
