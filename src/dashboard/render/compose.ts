import { invariant } from '../../core/errors.ts';
import type { Chart } from '../../definition/chart.ts';
import { chartsOf } from '../../definition/dashboard-items.ts';
import type { Picture } from '../renderer.ts';
import { FONT, THEMES } from '../theme.ts';
import { filterWords, periodWords } from '../words.ts';
import { CARD_PADDING, drawChart } from './card.ts';
import { drawPage } from './page.ts';
import type { Drawing, Plotter, Scene } from './scene.ts';
import { element, moved, type Svg, titled } from './svg.ts';
import { line, shorten } from './text.ts';

/** Rows of a grid that stands alone and has no height to fill. */
const ROWS_MAX = 50;
const CAPTION = { size: 12, height: 24 };

/** A picture as SVG: a pure function of what it shows. It has no script, and asks for nothing from anywhere. */
export function compose(picture: Picture, plot: Plotter): Svg {
  const { dashboard, state, wording, width } = picture;
  const scene: Scene = { theme: THEMES[picture.theme], wording, state, plot };
  if (picture.chart === undefined) {
    const page = drawPage(picture, scene);
    return whole({ ...page, width }, dashboard.title, scene.theme.bg);
  }
  const chart = chartsOf(dashboard.items).find(({ id }) => id === picture.chart);
  invariant(chart, `a picture of chart '${picture.chart}', which is not there`);
  const drawing = drawAlone(chart, picture, scene);
  return whole({ ...drawing, width }, chart.title, scene.theme.surface);
}

/** A chart without the page around it: what is filtered is said below. */
function drawAlone(chart: Chart, picture: Picture, scene: Scene): Drawing {
  const { dashboard, state, answer, width, wording } = picture;
  const period = periodWords(answer, wording);
  const filters = filterWords(dashboard.items, state, {
    instants: answer.instants.fields,
    wording,
  }).filter(({ isKnown }) => isKnown);
  const words = [...filters.map((one) => one.words), ...(period ? [period] : [])];
  const caption = words.length > 0 ? CAPTION.height : 0;
  const inside = {
    width: width - 2 * CARD_PADDING,
    rowsMax: ROWS_MAX,
    ...(picture.height === undefined
      ? {}
      : { height: picture.height - 2 * CARD_PADDING - caption }),
  };
  const { svg, height } = drawChart(chart, answer.charts[chart.id], inside, scene);
  const whole = picture.height ?? Math.ceil(height + caption + 2 * CARD_PADDING);
  const said = shorten(words.join(' · '), inside.width, CAPTION.size);
  const below = line(CARD_PADDING, whole - CARD_PADDING + 2, said, {
    size: CAPTION.size,
    color: scene.theme.textMuted,
  });
  return {
    svg: moved(CARD_PADDING, CARD_PADDING, svg) + (caption === 0 ? '' : below),
    height: whole,
  };
}

function whole(
  { svg, width, height }: Drawing & { width: number },
  title: string,
  fill: string,
): Svg {
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'font-family': FONT,
    },
    titled(title),
    element('rect', { width, height, fill }),
    svg,
  );
}
