import { useEffect, useRef, useState } from 'react';
import { Button } from './button.tsx';
import styles from './code.module.css';

/** Text to take away, with a button that copies it. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div className={styles['code']}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className={styles['text']} aria-label={label} tabIndex={0}>
        <pre>{text}</pre>
      </section>
      <CopyButton text={text} what={label} />
    </div>
  );
}

const SAID_MS = 2000;

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<'ready' | 'copied' | 'failed'>('ready');
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    const done = await copyText(text);
    setState(done ? 'copied' : 'failed');
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setState('ready'), SAID_MS);
  };
  return (
    <span className={styles['copy']}>
      <Button onClick={copy}>
        {{ ready: 'Copy', copied: 'Copied', failed: 'Not allowed' }[state]}
        <span className="visually-hidden">{what}</span>
      </Button>
      <span role="status" className="visually-hidden">
        {state === 'copied' ? 'Copied' : ''}
      </span>
    </span>
  );
}

/** The clipboard is for pages from https or this machine; elsewhere the browser says no. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
