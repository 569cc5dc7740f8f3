import { chooseTheme, type ThemeChoice, useThemeChoice } from './theme.ts';
import styles from './theme-menu.module.css';

const CHOICES: readonly (readonly [choice: ThemeChoice, label: string])[] = [
  ['system', 'System'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export function ThemeMenu() {
  const chosen = useThemeChoice();
  return (
    <label className={styles['menu']}>
      <span className={styles['label']}>Theme</span>
      <select value={chosen} onChange={(event) => chooseTheme(event.target.value as ThemeChoice)}>
        {CHOICES.map(([choice, label]) => (
          <option key={choice} value={choice}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}
