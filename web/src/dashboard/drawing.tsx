import type { EChartsOption } from 'echarts';
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import type { Size } from '../../../src/dashboard/plot.ts';
import { usePrinting } from '../print.ts';
import styles from './drawing.module.css';
import { init } from './echarts.ts';

interface DrawingProps {
  readonly height: number;
  /** What the drawing shows, in words. */
  readonly label: string;
  /** Another function only where the drawing is another: it is drawn anew then, which takes longest of all. */
  readonly option: (size: Size) => EChartsOption;
  /** The layer above it that people point at. */
  children(size: Size): ReactNode;
}

/** A chart drawn by ECharts, as wide as its place. */
export function Drawing({ height, label, option, children }: DrawingProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<ReturnType<typeof init>>(undefined);
  const [width, setWidth] = useState(0);
  const isPrinting = usePrinting();
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.current?.dispose();
      chart.current = undefined;
    };
  }, []);
  // On paper it is as wide as there at once: nothing observes what is printed.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the width is another one when this changes
  useLayoutEffect(() => {
    if (place.current) setWidth(place.current.clientWidth);
  }, [isPrinting]);
  useLayoutEffect(() => {
    if (!place.current || width === 0) return;
    const size = { width, height };
    chart.current ??= init(place.current, undefined, { renderer: 'svg', ...size });
    if (chart.current.getWidth() !== width || chart.current.getHeight() !== height)
      chart.current.resize(size);
    chart.current.setOption(option(size), { notMerge: true });
  }, [option, width, height]);
  return (
    <figure className={styles['figure']} style={{ height }} aria-label={label}>
      <div ref={place} className={styles['canvas']} style={{ height }} aria-hidden="true" />
      {width > 0 && children({ width, height })}
    </figure>
  );
}
