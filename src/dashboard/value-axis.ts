import type { Chart } from '../definition/chart.ts';
import type { SeriesAnswer } from './answer.ts';

/** Steps of the value axis: few enough to be read. */
const STEPS = 4;

/** The ticks of a chart's value axis, from below its least to above its greatest value, zero among them. */
export function valueTicks(chart: Chart, answer: SeriesAnswer): readonly number[] {
  const [low, high] = reach(chart, answer);
  if (low === high) return [0, 1];
  const step = stepOf((high - low) / STEPS, isWhole(answer));
  const [first, last] = [Math.floor(low / step.size), Math.ceil(high / step.size)];
  return Array.from({ length: last - first + 1 }, (_, index) => step.times(first + index));
}

/** From the lowest to the highest point that is drawn. */
function reach({ kind }: Chart, { x, series, ghost = [] }: SeriesAnswer): [number, number] {
  let [low, high] = [0, 0];
  const add = (value: number) => {
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  for (let at = 0; at < x.length; at++) {
    const values = series.map((one) => one.values[at] ?? 0);
    if (kind === 'area')
      values.reduce((sum, value) => {
        add(sum + value);
        return sum + value;
      }, 0);
    else if (kind === 'stacked') {
      add(values.reduce((sum, value) => sum + Math.max(0, value), 0));
      add(values.reduce((sum, value) => sum + Math.min(0, value), 0));
    } else for (const value of values) add(value);
    add(ghost[at] ?? 0);
  }
  return [low, high];
}

/** Half a record is not among counts. */
function isWhole({ series, ghost = [] }: SeriesAnswer): boolean {
  return [...series.map(({ values }) => values), ghost].every((values) =>
    values.every((value) => value === null || Number.isInteger(value)),
  );
}

interface Step {
  readonly size: number;
  /** Without the traces of binary fractions. */
  times(count: number): number;
}

/** 1, 2 or 5 of some power of ten, next to what is wanted. */
function stepOf(wanted: number, isWhole: boolean): Step {
  const power = Math.floor(Math.log10(wanted));
  const share = wanted / 10 ** power;
  const factor = share < 1.42 ? 1 : share < 3 ? 2 : share < 7 ? 5 : 10;
  if (isWhole && power < 0 && factor * 10 ** power < 1) return { size: 1, times: (count) => count };
  const divisor = 10 ** -power;
  return power < 0
    ? { size: factor / divisor, times: (count) => (count * factor) / divisor }
    : { size: factor * 10 ** power, times: (count) => count * factor * 10 ** power };
}
