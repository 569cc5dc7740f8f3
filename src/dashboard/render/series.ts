import type { Chart } from '../../definition/chart.ts';
import type { Series, SeriesAnswer } from '../answer.ts';
import { categoryName } from '../bar-option.ts';
import { chartOption, type Look } from '../chart-option.ts';
import { barsHeight, fillBins } from '../plot.ts';
import { seriesColor } from '../theme.ts';
import { nothing } from './nothing.ts';
import type { Drawing, Room, Scene } from './scene.ts';
import { element, moved, type Svg } from './svg.ts';
import { line, shorten, textWidth } from './text.ts';

const TIME_HEIGHT = 260;
const PLOT_HEIGHT_MIN = 40;
/** A chart by a column of thousands of values is no picture. */
const BARS_MAX = 100;
/** Closer than this their names overlap. */
const BAR_PX_MIN = 18;
const LEGEND = { size: 12, height: 20, swatch: 10, gap: 16, nameMax: 180 };

/** Lines, areas, columns and bars, with the names of their colours above them. */
export function drawSeries(
  chart: Chart,
  given: SeriesAnswer,
  { width, height }: Room,
  scene: Scene,
): Drawing {
  const answer = given.axis.kind === 'time' ? fillBins(given) : given;
  if (isEmpty(answer)) return nothing('No data', { width, height }, scene);
  const legend = chart.color === undefined ? NO_LEGEND : drawLegend(chart, answer, width, scene);
  const left = height === undefined ? undefined : Math.max(PLOT_HEIGHT_MIN, height - legend.height);
  // Bars keep their width: two of them over a whole page would be two blocks.
  const bars = barsHeight(answer.x.length);
  const size = {
    width,
    height: answer.axis.kind === 'time' ? (left ?? TIME_HEIGHT) : Math.min(left ?? bars, bars),
  };
  const { theme, wording } = scene;
  const look: Look = { theme, wording, size, chosen: chosenOf(chart, scene) };
  const plot = scene.plot(chartOption(chart, answer, look), size);
  return {
    svg: legend.svg + moved(0, legend.height, plot),
    height: legend.height + size.height,
  };
}

/** The bars that there is room for; how many there are is kept. */
export function shownBars(
  chart: Chart,
  answer: SeriesAnswer,
  height: number | undefined,
): SeriesAnswer {
  if (answer.axis.kind === 'time') return answer;
  const legend = chart.color === undefined ? 0 : LEGEND.height;
  const room =
    height === undefined ? BARS_MAX : Math.floor(Math.max(0, height - legend) / BAR_PX_MIN);
  const count = Math.max(1, Math.min(BARS_MAX, room));
  if (answer.x.length <= count) return answer;
  return {
    ...answer,
    x: answer.x.slice(0, count),
    series: answer.series.map((one) => ({ ...one, values: one.values.slice(0, count) })),
    categories: answer.categories ?? answer.x.length,
  };
}

function chosenOf({ x, color }: Chart, { state: { filters } }: Scene): Look['chosen'] {
  const [ofX, ofColor] = [filters[x ?? ''], filters[color ?? '']];
  return { ...(ofX ? { x: ofX } : {}), ...(ofColor ? { color: ofColor } : {}) };
}

function isEmpty({ series, ghost = [] }: SeriesAnswer): boolean {
  return [...series.map(({ values }) => values), ghost].every((values) =>
    values.every((value) => value === null),
  );
}

const NO_LEGEND: Drawing = { svg: '', height: 0 };

function drawLegend(
  chart: Chart,
  { series }: SeriesAnswer,
  width: number,
  { theme, state }: Scene,
): Drawing {
  const chosen = state.filters[chart.color ?? '']?.in;
  let [x, row] = [0, 0];
  const entries = series.map((one, index): Svg => {
    const name = shorten(
      seriesName(one),
      Math.min(LEGEND.nameMax, width - LEGEND.swatch - 6),
      LEGEND.size,
    );
    const entryWidth = LEGEND.swatch + 6 + textWidth(name, LEGEND.size);
    if (x > 0 && x + entryWidth > width) [x, row] = [0, row + 1];
    const isOut = chosen && (one.isOther === true || !chosen.includes(one.name ?? null));
    const svg = moved(
      x,
      row * LEGEND.height,
      element('rect', {
        y: 2,
        width: LEGEND.swatch,
        height: LEGEND.swatch,
        rx: 2,
        fill: seriesColor(theme, index, one.isOther === true),
        opacity: isOut ? 0.28 : undefined,
      }),
      line(LEGEND.swatch + 6, 11, name, {
        size: LEGEND.size,
        color: isOut ? theme.textMuted : theme.text,
      }),
    );
    x += entryWidth + LEGEND.gap;
    return svg;
  });
  return { svg: entries.join(''), height: (row + 1) * LEGEND.height + 4 };
}

const seriesName = ({ name, isOther }: Series): string =>
  isOther === true ? 'Other' : categoryName(name);
