import type { EChartsOption } from 'echarts';
import type { Chart } from '../definition/chart.ts';
import type { SeriesAnswer } from './answer.ts';
import { barOption } from './bar-option.ts';
import type { Wording } from './format.ts';
import type { Size } from './plot.ts';
import type { FieldFilter } from './state.ts';
import type { Theme } from './theme.ts';
import { timeOption } from './time-option.ts';

/** What a drawing depends on besides the numbers. */
export interface Look {
  readonly theme: Theme;
  readonly size: Size;
  readonly wording: Wording;
  /** The filters of the chart's own fields: what is not chosen is drawn faintly. */
  readonly chosen: { readonly x?: FieldFilter; readonly color?: FieldFilter };
}

/** The drawing of a chart as an ECharts option: a pure function of what it shows and how it looks. */
export function chartOption(chart: Chart, answer: SeriesAnswer, look: Look): EChartsOption {
  return answer.axis.kind === 'time'
    ? timeOption(chart, answer, look)
    : barOption(chart, answer, look);
}
