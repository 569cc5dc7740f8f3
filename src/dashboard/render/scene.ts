import type { EChartsOption } from 'echarts';
import type { Wording } from '../format.ts';
import type { Size } from '../plot.ts';
import type { DashboardState } from '../state.ts';
import type { Theme } from '../theme.ts';
import type { Svg } from './svg.ts';

/** Draws an ECharts option, without a frame of its own. */
export type Plotter = (option: EChartsOption, size: Size) => Svg;

/** What every part of a picture is drawn with. */
export interface Scene {
  readonly theme: Theme;
  readonly wording: Wording;
  readonly state: DashboardState;
  readonly plot: Plotter;
}

/** The room a drawing has. Without a height it takes what it needs. */
export interface Room {
  readonly width: number;
  readonly height?: number | undefined;
}

/** A drawing with its left upper corner at 0 0. */
export interface Drawing {
  readonly svg: Svg;
  readonly height: number;
}
