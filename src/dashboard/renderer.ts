import type { DashboardSettings } from '../definition/dashboard.ts';
import type { DashboardAnswer } from './answer.ts';
import type { Wording } from './format.ts';
import type { DashboardState } from './state.ts';
import type { THEMES } from './theme.ts';

/** A chart or a whole dashboard to be drawn: all that the drawing depends on, as plain data. */
export interface Picture {
  readonly format: 'svg' | 'png';
  readonly dashboard: Pick<DashboardSettings, 'title' | 'items'>;
  /** A chart alone; absent for the dashboard. */
  readonly chart?: string;
  readonly state: DashboardState;
  readonly answer: DashboardAnswer;
  readonly theme: keyof typeof THEMES;
  readonly wording: Wording;
  /** In CSS pixels; a PNG has `PNG_SCALE` times as many. */
  readonly width: number;
  /** Of a chart alone; absent: what it needs. */
  readonly height?: number;
}

/** For screens with more than one pixel to a CSS pixel. */
export const PNG_SCALE = 2;

/**
 * Draws pictures without a browser.
 *
 * D1  A picture shows the numbers of its answer, and is the same for the same request.
 * D2  Drawing takes no time of this process: it is done elsewhere, one picture after the other.
 * D3  Pictures that wait are bounded; one that takes too long ends with an error and holds up no other.
 * D4  A request that is aborted before its turn is not drawn.
 * D5  Between pictures nothing is kept for long: without requests it is as if there were no renderer.
 * @throws MillraceError MR_OVERLOADED, MR_RENDER_LIMIT, MR_QUERY_CANCELLED, MR_CHILD_FAILED
 */
export interface Renderer {
  draw(picture: Picture, signal: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What main may ask of the render child. */
export type RenderMethods = {
  draw: [params: Picture, result: Uint8Array];
};
