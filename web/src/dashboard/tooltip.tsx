import type { ReactNode } from 'react';
import styles from './tooltip.module.css';

interface TooltipProps {
  /** Where it points, in pixels of the chart. */
  readonly at: { readonly x: number; readonly y: number };
  readonly width: number;
  readonly children: ReactNode;
}

/** Beside the pointer, on the side where there is room. */
export function Tooltip({ at, width, children }: TooltipProps) {
  const isRight = at.x < width / 2;
  const side = isRight ? { left: at.x + 12 } : { right: width - at.x + 12 };
  return (
    <div className={styles['tooltip']} style={{ ...side, top: at.y }} role="presentation">
      {children}
    </div>
  );
}
