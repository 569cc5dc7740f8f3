import type { Bins } from './answer.ts';
import { binsOf, filled, type Size } from './plot.ts';

/** A line without axes, as the `d` of an SVG path; a time without records is 0 or a gap, as in a chart. */
export function sparkPath(bins: Bins, { width, height }: Size): string {
  const x = binsOf(bins.x, bins.grain);
  const y = filled({ xs: bins.x, values: bins.y, all: x }, bins);
  const values = y.filter((value) => value !== null);
  const [first, last] = [x[0], x.at(-1)];
  if (values.length < 2 || first === undefined || last === undefined || first === last) return '';
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const across = (at: number) => ((at - first) / (last - first)) * width;
  const up = (value: number) =>
    max === min ? height / 2 : height - 2 - ((value - min) / (max - min)) * (height - 4);
  const has = (at: number) => (y[at] ?? null) !== null;
  return x
    .map((at, index) => {
      const value = y[index] ?? null;
      if (value === null) return '';
      const place = `${across(at).toFixed(1)},${up(value).toFixed(1)}`;
      if (has(index - 1)) return `L${place}`;
      // A point without neighbours has no line to be seen by.
      return has(index + 1) ? `M${place}` : `M${place}m-1.5,0h3`;
    })
    .join('');
}
