import { type PointerEvent, useRef, useState } from 'react';
import type { SeriesAnswer } from '../../../src/dashboard/answer.ts';
import { formatBin } from '../../../src/dashboard/format.ts';
import { type Plot, positionAt, type Size } from '../../../src/dashboard/plot.ts';
import { withFilter } from '../../../src/dashboard/state.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import styles from './brush.module.css';
import {
  keyed,
  type Movement,
  moved,
  movementAt,
  rangeOf,
  type Span,
  spanOf,
} from './brush-span.ts';
import { useView } from './view.ts';

interface BrushProps {
  readonly chart: Chart;
  readonly answer: SeriesAnswer;
  readonly plot: Plot;
  readonly size: Size;
  onPoint(pointed: { at: number; x: number; y: number } | undefined): void;
}

/** A shorter movement is a click. */
const CLICK_PX = 4;

/** Chooses a span of a time axis: drawn, moved and cleared by pointer, or by keyboard at its two ends. */
export function Brush({ chart, answer, plot, size, onPoint }: BrushProps) {
  const { state, change } = useView();
  const field = chart.x as string;
  const xs = answer.x as readonly number[];
  const grain = answer.axis.grain ?? 'day';
  const width = size.width - plot.left - plot.right;
  const span = spanOf(xs, grain, state.filters[field]?.range);
  const choose = (next: Span | undefined, isStep = false) => {
    const range = next && rangeOf(xs, grain, next);
    change(withFilter(state, field, { range }), { active: field, isStep });
  };
  const px = (position: number) => plot.left + (position / Math.max(1, xs.length)) * width;
  const { top, bottom } = plot;
  return (
    <>
      <Layer
        count={xs.length}
        span={span}
        box={{ left: plot.left, top, width, height: size.height - top - bottom }}
        onChoose={choose}
        onPoint={(at) => onPoint(at === undefined ? undefined : { at, x: px(at + 0.5), y: top })}
      />
      {span && (
        <div
          className={styles['span']}
          style={{
            left: px(span.first),
            width: px(span.last + 1) - px(span.first),
            top,
            bottom,
          }}
        />
      )}
      {xs.length > 0 &&
        (['first', 'last'] as const).map((which) => (
          <Edge
            key={which}
            which={which}
            chart={chart}
            answer={answer}
            span={span}
            style={(at) => ({ left: px(which === 'first' ? at : at + 1), top, bottom })}
            onChoose={choose}
          />
        ))}
    </>
  );
}

interface LayerProps {
  readonly count: number;
  readonly span: Span | undefined;
  readonly box: { readonly left: number; readonly top: number; width: number; height: number };
  onChoose(next: Span | undefined, isStep?: boolean): void;
  onPoint(at: number | undefined): void;
}

/** What pointers press and move over. */
function Layer({ count, span, box, onChoose, onPoint }: LayerProps) {
  const layer = useRef<HTMLDivElement>(null);
  const [movement, setMovement] = useState<Movement & { readonly pixel: number }>();
  const { width } = box;
  const positionOf = (event: PointerEvent) => {
    const pixel = event.clientX - (layer.current?.getBoundingClientRect().left ?? 0);
    const inside = Math.min(Math.max(pixel, 0), width - 1);
    return { pixel, at: positionAt(inside, 0, width, count) ?? 0 };
  };
  const start = (event: PointerEvent) => {
    if (event.button !== 0 || count === 0) return;
    const { pixel, at } = positionOf(event);
    layer.current?.setPointerCapture(event.pointerId);
    setMovement({ ...movementAt(pixel, at, span, width / count), pixel });
  };
  const move = (event: PointerEvent) => {
    const { pixel, at } = positionOf(event);
    onPoint(at);
    if (movement && Math.abs(pixel - movement.pixel) >= CLICK_PX)
      onChoose(moved(movement, at, count), true);
  };
  const end = (event: PointerEvent) => {
    if (!movement) return;
    const { pixel, at } = positionOf(event);
    setMovement(undefined);
    // A click outside of what is chosen clears it.
    if (Math.abs(pixel - movement.pixel) >= CLICK_PX) onChoose(moved(movement, at, count));
    else if (movement.kind === 'draw' && span) onChoose(undefined);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the two ends have the keys
    <div
      ref={layer}
      className={styles['layer']}
      style={box}
      onPointerDown={start}
      onPointerMove={move}
      onPointerUp={end}
      // Nobody let go there: it has no position, and what the last movement chose stays.
      onPointerCancel={() => setMovement(undefined)}
      // Else text that is selected below the pointer would be dragged away, and the brush with it.
      onMouseDown={(event) => event.preventDefault()}
      onPointerLeave={() => onPoint(undefined)}
    />
  );
}

interface EdgeProps {
  readonly which: keyof Span;
  readonly chart: Chart;
  readonly answer: SeriesAnswer;
  readonly span: Span | undefined;
  style(at: number): { left: number; top: number; bottom: number };
  onChoose(next: Span | undefined): void;
}

/** An end of what is chosen, or of everything where nothing is, for keyboards and readers. */
function Edge({ which, chart, answer, span, style, onChoose }: EdgeProps) {
  const { wording } = useView();
  const { axis, x } = answer;
  const whole = span ?? { first: 0, last: x.length - 1 };
  const at = whole[which];
  return (
    <div
      role="slider"
      tabIndex={0}
      className={styles['edge']}
      data-idle={span === undefined}
      style={style(at)}
      aria-label={`${chart.title}: ${which === 'first' ? 'from' : 'to'}`}
      aria-valuemin={0}
      aria-valuemax={x.length - 1}
      aria-valuenow={at}
      aria-valuetext={formatBin(
        (x[at] ?? 0) as number,
        axis.grain ?? 'day',
        axis.type === 'timestamptz',
        wording,
      )}
      onKeyDown={(event) => {
        const next = keyed(event, whole, which, x.length);
        if (next === undefined) return;
        event.preventDefault();
        onChoose(next === 'clear' ? undefined : next);
      }}
    />
  );
}
