import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react';
import styles from './toast.module.css';

type Say = (text: string, tone?: 'good' | 'bad') => void;
const SHOWN_MS = 6000;

const ToastContext = createContext<Say>(() => {});

/** Says for a moment what an action did. */
export function useToast(): Say {
  return useContext(ToastContext);
}

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: 'good' | 'bad';
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const last = useRef(0);
  const remove = useCallback(
    (id: number) => setToasts((before) => before.filter((toast) => toast.id !== id)),
    [],
  );
  const say = useCallback<Say>(
    (text, tone = 'good') => {
      last.current += 1;
      const id = last.current;
      setToasts((before) => [...before, { id, text, tone }]);
      // What went wrong stays until it is put away: it may take longer to read.
      if (tone === 'good') setTimeout(() => remove(id), SHOWN_MS);
    },
    [remove],
  );
  return (
    <ToastContext value={say}>
      {children}
      <div className={`${styles['toasts']} no-print`} role="status" aria-live="polite">
        {toasts.map(({ id, text, tone }) => (
          <div key={id} className={`${styles['toast']} ${styles[tone]}`}>
            <span>{text}</span>
            <button type="button" aria-label="Put away" onClick={() => remove(id)}>
              ×
            </button>
          </div>
        ))}
      </div>
    </ToastContext>
  );
}
