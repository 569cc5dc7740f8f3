import { useSyncExternalStore } from 'react';
import { usePrinting } from './print.ts';

export type ThemeChoice = 'system' | 'light' | 'dark';

/** Also read by public/theme.js, before the first paint. */
const KEY = 'millrace-theme';
const changed = new EventTarget();

/** What the viewer chose; kept in this browser. */
function themeChoice(): ThemeChoice {
  const chosen = document.documentElement.dataset['theme'];
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}

export function chooseTheme(choice: ThemeChoice): void {
  if (choice === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = choice;
  try {
    if (choice === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    // Storage is forbidden here: the choice holds until the page is closed.
  }
  changed.dispatchEvent(new Event('change'));
}

function subscribe(listener: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  changed.addEventListener('change', listener);
  system.addEventListener('change', listener);
  return () => {
    changed.removeEventListener('change', listener);
    system.removeEventListener('change', listener);
  };
}

export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore(subscribe, themeChoice);
}

/** The theme in use, for what cannot read CSS custom properties. Paper is light. */
export function useTheme(): 'light' | 'dark' {
  const isPrinting = usePrinting();
  const theme = useSyncExternalStore(subscribe, () => {
    const choice = themeChoice();
    if (choice !== 'system') return choice;
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  });
  return isPrinting ? 'light' : theme;
}
