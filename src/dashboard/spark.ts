import type { Bins } from './answer.ts';
import type { Size } from './plot.ts';

/** A line without axes, as the `d` of an SVG path; a time without records is a gap. */
export function sparkPath({ x, y }: Bins, { width, height }: Size): string {
  const values = y.filter((value) => value !== null);
  const [first, last] = [x[0], x.at(-1)];
  if (values.length < 2 || first === undefined || last === undefined || first === last) return '';
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const across = (at: number) => ((at - first) / (last - first)) * width;
  const up = (value: number) =>
    max === min ? height / 2 : height - 2 - ((value - min) / (max - min)) * (height - 4);
  let isOpen = false;
  return x
    .map((at, index) => {
      const value = y[index] ?? null;
      const command = isOpen ? 'L' : 'M';
      isOpen = value !== null;
      return value === null ? '' : `${command}${across(at).toFixed(1)},${up(value).toFixed(1)}`;
    })
    .join('');
}
