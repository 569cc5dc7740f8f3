import { type KeyboardEvent, type ReactNode, useId, useRef, useState } from 'react';
import styles from './tabs.module.css';

export interface Tab {
  readonly name: string;
  readonly content: ReactNode;
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  /** The place of the tab shown, where it is kept elsewhere. */
  readonly shown?: number;
  onShow?(index: number): void;
  /** It takes the height there is, and its view with it. */
  readonly fills?: boolean;
}

/** One of several views of the same thing; arrow keys go from one to the next. */
export function Tabs({ label, tabs, shown, onShow, fills = false }: TabsProps) {
  const id = useId();
  const [own, setOwn] = useState(0);
  const chosen = shown ?? own;
  const show = onShow ?? setOwn;
  const list = useRef<HTMLDivElement>(null);
  const choose = (index: number) => {
    show(index);
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[index]?.focus();
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose((chosen + step + tabs.length) % tabs.length);
  };
  return (
    <div className={fills ? styles['fills'] : undefined}>
      <div ref={list} role="tablist" aria-label={label} className={styles['list']} onKeyDown={move}>
        {tabs.map(({ name }, index) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-tab-${index}`}
            aria-selected={index === chosen}
            aria-controls={`${id}-panel`}
            tabIndex={index === chosen ? 0 : -1}
            className={styles['tab']}
            onClick={() => show(index)}
          >
            {name}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-tab-${chosen}`}>
        {tabs[chosen]?.content}
      </div>
    </div>
  );
}
