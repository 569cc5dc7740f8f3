import { type ReactNode, useId } from 'react';
import styles from './card.module.css';

interface CardProps {
  readonly title?: ReactNode;
  /** What belongs to the card as a whole, right of its title. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A piece of the page; with a title it is a region that assistive technology can jump to. */
export function Card({ title, actions, children }: CardProps) {
  const id = useId();
  return (
    <section className={styles['card']} {...(title === undefined ? {} : { 'aria-labelledby': id })}>
      {title !== undefined && (
        <div className={styles['head']}>
          <h2 id={id} className={styles['title']}>
            {title}
          </h2>
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}
