import styles from './problems.module.css';

/** Something that does not go on by itself, and what a person can do about it. */
export interface Problem {
  readonly tone: 'bad' | 'warn';
  readonly what: string;
  readonly fix: string;
}

export function Problems({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <div role="alert">
      <ul className={styles['problems']}>
        {problems.map(({ tone, what, fix }) => (
          <li key={what} className={styles[tone]}>
            <strong>{what}</strong>
            <span>{fix}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
