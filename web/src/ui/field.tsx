import {
  createContext,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  useContext,
  useId,
} from 'react';
import styles from './field.module.css';

const FieldId = createContext<string | undefined>(undefined);

interface FieldProps {
  readonly label: string;
  /** A smaller line under the control. */
  readonly hint?: ReactNode;
  readonly isInline?: boolean;
  /** One `Input` or `Select`. */
  readonly children: ReactNode;
}

/** A control with its name. */
export function Field({ label, hint, isInline = false, children }: FieldProps) {
  const id = useId();
  return (
    <div className={isInline ? styles['inline'] : styles['field']}>
      <label htmlFor={id} className={styles['label']}>
        {label}
      </label>
      <FieldId value={id}>{children}</FieldId>
      {hint !== undefined && (
        <span id={`${id}-hint`} className={styles['hint']}>
          {hint}
        </span>
      )}
    </div>
  );
}

function useControlProps() {
  const id = useContext(FieldId);
  return { id, 'aria-describedby': `${id}-hint`, className: styles['control'] };
}

export function Select(props: SelectHTMLAttributes<HTMLSelectElement>) {
  return <select {...useControlProps()} {...props} />;
}

export function Input(props: InputHTMLAttributes<HTMLInputElement>) {
  return <input {...useControlProps()} spellCheck={false} autoComplete="off" {...props} />;
}
