import type { ReactNode } from 'react';
import type { Tone } from './badge.tsx';
import styles from './figures.module.css';

export interface Figure {
  readonly label: string;
  readonly value: ReactNode;
  /** A smaller line under the value. */
  readonly note?: ReactNode;
  readonly tone?: Tone;
}

/** Numbers with their names, as many side by side as fit. */
export function Figures({ figures }: { figures: readonly Figure[] }) {
  return (
    <dl className={styles['figures']}>
      {figures.map(({ label, value, note, tone = 'neutral' }) => (
        <div key={label} className={styles['figure']}>
          <dt>{label}</dt>
          <dd className={`${styles['value']} ${styles[tone]}`}>{value}</dd>
          {note !== undefined && <dd className={styles['note']}>{note}</dd>}
        </div>
      ))}
    </dl>
  );
}
