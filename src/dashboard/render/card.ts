import type { Chart } from '../../definition/chart.ts';
import type { ChartAnswer } from '../answer.ts';
import { formatNumber } from '../format.ts';
import { drawGrid } from './grid.ts';
import { drawKpi } from './kpi.ts';
import type { Drawing, Room, Scene } from './scene.ts';
import { drawSeries, shownBars } from './series.ts';
import { element, moved, type Svg } from './svg.ts';
import { line, shorten, textWidth, wrap } from './text.ts';

export const CARD_PADDING = 16;
const TITLE = { size: 13, height: 28, baseline: 13 };
const NOTE_SIZE = 12;
const FAILED = { size: 13, height: 19, linesMax: 4 };

/** A chart with its title, within the card's padding. */
export function drawChart(
  chart: Chart,
  given: ChartAnswer | undefined,
  room: Room & { readonly rowsMax: number },
  scene: Scene,
): Drawing {
  const left = room.height === undefined ? undefined : Math.max(0, room.height - TITLE.height);
  const answer = given?.kind === 'series' ? { ...given, ...shownBars(chart, given, left) } : given;
  const head = drawTitle(chart, answer, room.width, scene);
  const body = drawBody(chart, answer, { ...room, height: left }, scene);
  return {
    svg: head.svg + moved(0, head.height, body.svg),
    height: head.height + body.height,
  };
}

export function drawFrame(width: number, height: number, { theme }: Scene): Svg {
  return element('rect', {
    x: 0.5,
    y: 0.5,
    width: width - 1,
    height: height - 1,
    rx: 8,
    fill: theme.surface,
    stroke: theme.border,
  });
}

function drawBody(
  chart: Chart,
  answer: ChartAnswer | undefined,
  room: Room & { readonly rowsMax: number },
  scene: Scene,
): Drawing {
  switch (answer?.kind) {
    case 'kpi':
      return drawKpi(chart, answer, room, scene);
    case 'series':
      return drawSeries(chart, answer, room, scene);
    case 'grid':
      return drawGrid(chart, answer, room, scene);
    default:
      return drawFailure(answer?.message ?? '', room, scene);
  }
}

function drawFailure(message: string, { width }: Room, { theme }: Scene): Drawing {
  const lines = [
    'This chart could not be computed.',
    ...wrap(message, width, FAILED.size, FAILED.linesMax),
  ];
  const svg = lines.map((words, index) =>
    line(0, index * FAILED.height + 14, words, { size: FAILED.size, color: theme.bad }),
  );
  return { svg: svg.join(''), height: lines.length * FAILED.height };
}

/** The title, and to the right what the numbers leave out. */
function drawTitle(
  chart: Chart,
  answer: ChartAnswer | undefined,
  width: number,
  { theme, wording }: Scene,
): Drawing {
  const notes = [
    ...(answer && answer.notFiltered.length > 0
      ? [`not filtered by ${answer.notFiltered.map((one) => one.replaceAll('_', ' ')).join(', ')}`]
      : []),
    ...(answer?.kind === 'series' && (answer.categories ?? 0) > answer.x.length
      ? [`top ${answer.x.length} of ${formatNumber(answer.categories ?? 0, 'integer', wording)}`]
      : []),
    ...(answer?.from === 'full' && (answer.kind === 'kpi' || answer.kind === 'series')
      ? ['computed in full']
      : []),
  ];
  const title = shorten(chart.title, width, TITLE.size, true);
  const free = width - textWidth(title, TITLE.size, true) - 12;
  const note = free > 40 ? shorten(notes.join(' · '), free, NOTE_SIZE) : '';
  const style = { size: TITLE.size, color: theme.textMuted };
  return {
    svg:
      line(0, TITLE.baseline, title, { ...style, isBold: true }) +
      (note === ''
        ? ''
        : line(width, TITLE.baseline, note, { ...style, size: NOTE_SIZE, align: 'end' })),
    height: TITLE.height,
  };
}
