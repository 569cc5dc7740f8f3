import { type ReactNode, useId } from 'react';
import styles from './card.module.css';

interface CardProps {
  readonly title?: ReactNode;
  /** What belongs to the card as a whole, right of its title. */
  readonly actions?: ReactNode;
  /** What it shows is being replaced, or could not be. */
  readonly standing?: 'current' | 'computing' | 'outdated';
  readonly children: ReactNode;
}

/** A piece of the page; with a title it is a region that assistive technology can jump to. */
export function Card({ title, actions, standing = 'current', children }: CardProps) {
  const id = useId();
  return (
    <section
      className={styles['card']}
      data-standing={standing}
      aria-busy={standing === 'computing'}
      {...(title === undefined ? {} : { 'aria-labelledby': id })}
    >
      {title !== undefined && (
        <div className={styles['head']}>
          <h2 id={id} className={styles['title']}>
            {title}
          </h2>
          {actions}
        </div>
      )}
      {children}
      {standing === 'outdated' && <p className={styles['mark']}>of the choice before</p>}
    </section>
  );
}
