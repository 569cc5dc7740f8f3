import type { ButtonHTMLAttributes } from 'react';
import styles from './button.module.css';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** `primary` is the one thing to do here. */
  readonly variant?: 'default' | 'primary' | 'quiet';
}

export function Button({ variant = 'default', className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={[styles['button'], styles[variant], className].filter(Boolean).join(' ')}
      {...rest}
    />
  );
}
