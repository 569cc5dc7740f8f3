import { type Grain, nextBin, parseTime, timeText } from '../../../src/core/time-grain.ts';

/** Positions of bins, the last one included. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** What a pointer that is down does. */
export type Movement =
  | { readonly kind: 'draw'; readonly start: number }
  | { readonly kind: 'move'; readonly start: number; readonly from: Span }
  | { readonly kind: 'edge'; readonly fixed: number };

const EDGE_PX = 6;

/** The bins that a range touches. */
export function spanOf(
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

export function rangeOf(
  xs: readonly number[],
  grain: Grain,
  { first, last }: Span,
): { from: string; until: string } {
  return {
    from: timeText(xs[first] as number),
    until: timeText(nextBin(xs[last] as number, grain)),
  };
}

export function movementAt(
  pixel: number,
  at: number,
  span: Span | undefined,
  binPx: number,
): Movement {
  if (!span) return { kind: 'draw', start: at };
  const [left, right] = [span.first * binPx, (span.last + 1) * binPx];
  if (Math.abs(pixel - left) <= EDGE_PX) return { kind: 'edge', fixed: span.last };
  if (Math.abs(pixel - right) <= EDGE_PX) return { kind: 'edge', fixed: span.first };
  if (pixel > left && pixel < right) return { kind: 'move', start: at, from: span };
  return { kind: 'draw', start: at };
}

export function moved(movement: Movement, at: number, count: number): Span {
  if (movement.kind === 'move') {
    const { from, start } = movement;
    const by = Math.min(Math.max(at - start, -from.first), count - 1 - from.last);
    return { first: from.first + by, last: from.last + by };
  }
  const other = movement.kind === 'draw' ? movement.start : movement.fixed;
  return { first: Math.min(other, at), last: Math.max(other, at) };
}

/** Arrow keys move an end by one bin, with Shift by ten; Escape clears. Undefined: the key means nothing here. */
export function keyed(
  { key, shiftKey }: { readonly key: string; readonly shiftKey: boolean },
  whole: Span,
  which: keyof Span,
  count: number,
): Span | 'clear' | undefined {
  const step = shiftKey ? 10 : 1;
  const [least, most] = which === 'first' ? [0, whole.last] : [whole.first, count - 1];
  const to = (at: number) => ({ ...whole, [which]: Math.min(Math.max(at, least), most) });
  switch (key) {
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
