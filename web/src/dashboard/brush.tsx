import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import { type Grain, nextBin, parseTime, timeText } from '../../../src/core/time-grain.ts';
import type { SeriesAnswer } from '../../../src/dashboard/answer.ts';
import { formatBin } from '../../../src/dashboard/format.ts';
import { type Plot, positionAt, type Size } from '../../../src/dashboard/plot.ts';
import { withFilter } from '../../../src/dashboard/state.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import styles from './brush.module.css';
import { useView } from './view.ts';

interface BrushProps {
  readonly chart: Chart;
  readonly answer: SeriesAnswer;
  readonly plot: Plot;
  readonly size: Size;
  onPoint(pointed: { at: number; x: number; y: number } | undefined): void;
}

/** Positions of bins, the last one included. */
interface Span {
  readonly first: number;
  readonly last: number;
}

type Movement =
  | { readonly kind: 'draw'; readonly start: number }
  | { readonly kind: 'move'; readonly start: number; readonly from: Span }
  | { readonly kind: 'edge'; readonly fixed: number };

const EDGE_PX = 6;
/** A shorter movement is a click. */
const CLICK_PX = 4;

/** Chooses a span of a time axis: drawn, moved and cleared by pointer, or by keyboard at its two ends. */
export function Brush({ chart, answer, plot, size, onPoint }: BrushProps) {
  const { state, change, wording } = useView();
  const layer = useRef<HTMLDivElement>(null);
  const [movement, setMovement] = useState<Movement & { readonly pixel: number }>();
  const field = chart.x as string;
  const xs = answer.x as readonly number[];
  const grain = answer.axis.grain ?? 'day';
  const width = size.width - plot.left - plot.right;
  const span = spanOf(xs, grain, state.filters[field]?.range);
  const choose = (next: Span | undefined, isStep = false) => {
    const range = next && rangeOf(xs, grain, next);
    change(withFilter(state, field, { range }), { active: field, isStep });
  };
  const positionOf = (event: PointerEvent) => {
    const pixel = event.clientX - (layer.current?.getBoundingClientRect().left ?? 0);
    const inside = Math.min(Math.max(pixel, 0), width - 1);
    return { pixel, at: positionAt(inside, 0, width, xs.length) ?? 0 };
  };
  const start = (event: PointerEvent) => {
    if (event.button !== 0 || xs.length === 0) return;
    const { pixel, at } = positionOf(event);
    layer.current?.setPointerCapture(event.pointerId);
    setMovement({ ...movementAt(pixel, at, span, width / xs.length), pixel });
  };
  const move = (event: PointerEvent) => {
    const { pixel, at } = positionOf(event);
    onPoint({ at, x: plot.left + ((at + 0.5) / xs.length) * width, y: plot.top });
    if (movement && Math.abs(pixel - movement.pixel) >= CLICK_PX)
      choose(moved(movement, at, xs.length), true);
  };
  const end = (event: PointerEvent) => {
    if (!movement) return;
    const { pixel, at } = positionOf(event);
    setMovement(undefined);
    // A click outside of what is chosen clears it.
    if (Math.abs(pixel - movement.pixel) >= CLICK_PX) choose(moved(movement, at, xs.length));
    else if (movement.kind === 'draw' && span) choose(undefined);
  };
  const label = (at: number) =>
    formatBin(xs[at] ?? 0, grain, answer.axis.type === 'timestamptz', wording);
  const px = (position: number) => plot.left + (position / Math.max(1, xs.length)) * width;
  return (
    <>
      <div
        ref={layer}
        className={styles['layer']}
        style={{
          left: plot.left,
          top: plot.top,
          width,
          height: size.height - plot.top - plot.bottom,
        }}
        onPointerDown={start}
        onPointerMove={move}
        onPointerUp={end}
        onPointerCancel={end}
        onPointerLeave={() => onPoint(undefined)}
      />
      {span && (
        <div
          className={styles['span']}
          style={{
            left: px(span.first),
            width: px(span.last + 1) - px(span.first),
            top: plot.top,
            bottom: plot.bottom,
          }}
        />
      )}
      {xs.length > 0 &&
        (['first', 'last'] as const).map((which) => {
          const whole = span ?? { first: 0, last: xs.length - 1 };
          const at = whole[which];
          return (
            <div
              key={which}
              role="slider"
              tabIndex={0}
              className={styles['edge']}
              data-idle={span === undefined}
              style={{
                left: px(which === 'first' ? at : at + 1),
                top: plot.top,
                bottom: plot.bottom,
              }}
              aria-label={`${chart.title}: ${which === 'first' ? 'from' : 'to'}`}
              aria-valuemin={0}
              aria-valuemax={xs.length - 1}
              aria-valuenow={at}
              aria-valuetext={label(at)}
              onKeyDown={(event) => {
                const next = keyed(event, whole, which, xs.length);
                if (next === undefined) return;
                event.preventDefault();
                choose(next === 'clear' ? undefined : next);
              }}
            />
          );
        })}
    </>
  );
}

function spanOf(
  xs: readonly number[],
  grain: Grain,
  range: { readonly from: string; readonly until: string } | undefined,
): Span | undefined {
  if (!range) return undefined;
  const [from, until] = [parseTime(range.from), parseTime(range.until)];
  const inside = xs.flatMap((x, at) => (nextBin(x, grain) > from && x < until ? [at] : []));
  const [first, last] = [inside[0], inside.at(-1)];
  return first === undefined || last === undefined ? undefined : { first, last };
}

function rangeOf(
  xs: readonly number[],
  grain: Grain,
  { first, last }: Span,
): { from: string; until: string } {
  return {
    from: timeText(xs[first] as number),
    until: timeText(nextBin(xs[last] as number, grain)),
  };
}

function movementAt(pixel: number, at: number, span: Span | undefined, binPx: number): Movement {
  if (!span) return { kind: 'draw', start: at };
  const [left, right] = [span.first * binPx, (span.last + 1) * binPx];
  if (Math.abs(pixel - left) <= EDGE_PX) return { kind: 'edge', fixed: span.last };
  if (Math.abs(pixel - right) <= EDGE_PX) return { kind: 'edge', fixed: span.first };
  if (pixel > left && pixel < right) return { kind: 'move', start: at, from: span };
  return { kind: 'draw', start: at };
}

function moved(movement: Movement, at: number, count: number): Span {
  if (movement.kind === 'move') {
    const { from, start } = movement;
    const by = Math.min(Math.max(at - start, -from.first), count - 1 - from.last);
    return { first: from.first + by, last: from.last + by };
  }
  const other = movement.kind === 'draw' ? movement.start : movement.fixed;
  return { first: Math.min(other, at), last: Math.max(other, at) };
}

/** Arrow keys move an end by one bin, with Shift by ten; Escape clears. */
function keyed(
  event: KeyboardEvent,
  whole: Span,
  which: 'first' | 'last',
  count: number,
): Span | 'clear' | undefined {
  const step = event.shiftKey ? 10 : 1;
  const [least, most] = which === 'first' ? [0, whole.last] : [whole.first, count - 1];
  const to = (at: number) => ({ ...whole, [which]: Math.min(Math.max(at, least), most) });
  switch (event.key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return to(whole[which] - step);
    case 'ArrowRight':
    case 'ArrowUp':
      return to(whole[which] + step);
    case 'Home':
      return to(least);
    case 'End':
      return to(most);
    case 'Escape':
      return 'clear';
    default:
      return undefined;
  }
}
