import type { DashboardItem, Tabs } from '../../definition/chart.ts';
import type { Picture } from '../renderer.ts';
import { isChart, shownCharts, shownTab } from '../shown.ts';
import { filterWords, periodWords } from '../words.ts';
import { CARD_PADDING, drawChart, drawFrame } from './card.ts';
import type { Drawing, Room, Scene } from './scene.ts';
import { element, moved, type Svg } from './svg.ts';
import { line, shorten, textWidth } from './text.ts';

const GAP = 16;
const PAGE = { padding: 24, narrowPadding: 16, narrowBelow: 640 };
const TITLE = { size: 20, height: 40, baseline: 26 };
const CHIP = { size: 12, height: 26, padding: 10, gap: 8, baseline: 17, widthMax: 420 };
const TAB = { size: 13, height: 36, baseline: 21, gap: 20 };
/** Rows of a grid among other charts. */
const ROWS_MAX = 15;
/** Narrower than this an item of a row goes below the one before. */
const WIDTH_MIN = { kpi: 160, other: 320 };

/** The dashboard as its page is laid out, with what is filtered in place of the controls. */
export function drawPage(picture: Picture, scene: Scene): Drawing {
  const { width } = picture;
  const padding = width < PAGE.narrowBelow ? PAGE.narrowPadding : PAGE.padding;
  const inside = width - 2 * padding;
  const head = drawHead(picture, inside, scene);
  const items = drawItems(picture.dashboard.items, { width: inside }, picture, scene);
  return {
    svg: moved(padding, padding, head.svg) + moved(padding, padding + head.height, items.svg),
    height: Math.ceil(head.height + items.height + 2 * padding),
  };
}

function drawHead({ dashboard, answer }: Picture, width: number, scene: Scene): Drawing {
  const { theme, wording, state } = scene;
  const title = shorten(dashboard.title, width, TITLE.size, true);
  const free = width - textWidth(title, TITLE.size, true) - GAP;
  const period = free > 80 ? shorten(periodWords(answer, wording), free, 13) : '';
  const filters = filterWords(dashboard.items, state, {
    instants: answer.instants.fields,
    wording,
  }).filter(({ isKnown }) => isKnown);
  const chips = drawChips(
    filters.map(({ words }) => words),
    width,
    scene,
  );
  return {
    svg: [
      line(0, TITLE.baseline, title, { size: TITLE.size, color: theme.text, isBold: true }),
      ...(period === ''
        ? []
        : [
            line(width, TITLE.baseline, period, { size: 13, color: theme.textMuted, align: 'end' }),
          ]),
      moved(0, TITLE.height, chips.svg),
    ].join(''),
    height: TITLE.height + chips.height,
  };
}

function drawChips(words: readonly string[], width: number, { theme }: Scene): Drawing {
  let [x, y] = [0, 0];
  const chips = words.map((text): Svg => {
    const room = Math.min(CHIP.widthMax, width) - 2 * CHIP.padding;
    const shown = shorten(text, room, CHIP.size);
    const chipWidth = Math.ceil(textWidth(shown, CHIP.size)) + 2 * CHIP.padding;
    if (x > 0 && x + chipWidth > width) [x, y] = [0, y + CHIP.height + CHIP.gap];
    const svg = moved(
      x,
      y,
      element('rect', {
        width: chipWidth,
        height: CHIP.height,
        rx: CHIP.height / 2,
        fill: theme.surfaceSelected,
      }),
      line(CHIP.padding, CHIP.baseline, shown, { size: CHIP.size, color: theme.textAccent }),
    );
    x += chipWidth + CHIP.gap;
    return svg;
  });
  return { svg: chips.join(''), height: chips.length === 0 ? 0 : y + CHIP.height + GAP };
}

/** One below the other; KPIs that follow each other stand side by side, as on the page. */
function drawItems(
  items: readonly DashboardItem[],
  room: Room,
  picture: Picture,
  scene: Scene,
): Drawing {
  const rows: DashboardItem[][] = [];
  for (const item of items) {
    const last = rows.at(-1);
    if (item.kind === 'kpi' && last?.[0]?.kind === 'kpi') last.push(item);
    else rows.push([item]);
  }
  const drawn = rows.map((row) =>
    row.length === 1
      ? drawItem(row[0] as DashboardItem, room, picture, scene)
      : drawRow(row, room, picture, scene),
  );
  return stacked(drawn.filter(({ height }) => height > 0));
}

function stacked(drawings: readonly Drawing[]): Drawing {
  let y = 0;
  const svg = drawings.map((one, index) => {
    if (index > 0) y += GAP;
    const placed = moved(0, y, one.svg);
    y += one.height;
    return placed;
  });
  return { svg: svg.join(''), height: y };
}

const NOTHING: Drawing = { svg: '', height: 0 };

function drawItem(item: DashboardItem, room: Room, picture: Picture, scene: Scene): Drawing {
  if (item.kind === 'row') return drawRow(item.items, room, picture, scene);
  if (item.kind === 'tabs') return drawTabs(item, room, picture, scene);
  if (!isChart(item)) return NOTHING;
  const inside = {
    width: room.width - 2 * CARD_PADDING,
    rowsMax: ROWS_MAX,
    ...(room.height === undefined ? {} : { height: room.height - 2 * CARD_PADDING }),
  };
  const { svg, height } = drawChart(item, picture.answer.charts[item.id], inside, scene);
  const cardHeight = room.height ?? Math.ceil(height) + 2 * CARD_PADDING;
  return {
    svg: drawFrame(room.width, cardHeight, scene) + moved(CARD_PADDING, CARD_PADDING, svg),
    height: cardHeight,
  };
}

/** Side by side, all as high as the highest; below each other where the picture is narrow. */
function drawRow(
  items: readonly DashboardItem[],
  { width }: Room,
  picture: Picture,
  scene: Scene,
): Drawing {
  const shown = items.filter((item) => shownCharts([item], scene.state).length > 0);
  if (shown.length === 0) return NOTHING;
  const widthMin = shown.every(({ kind }) => kind === 'kpi') ? WIDTH_MIN.kpi : WIDTH_MIN.other;
  const fitting = Math.max(1, Math.floor((width + GAP) / (widthMin + GAP)));
  const lines = Math.ceil(shown.length / fitting);
  const perLine = Math.ceil(shown.length / lines);
  const each = (width - GAP * (perLine - 1)) / perLine;
  const drawn = Array.from({ length: lines }, (_, at) => {
    const inLine = shown.slice(at * perLine, (at + 1) * perLine);
    const natural = inLine.map((item) => drawItem(item, { width: each }, picture, scene).height);
    const height = Math.max(...natural);
    const svg = inLine.map((item, index) =>
      moved(index * (each + GAP), 0, drawItem(item, { width: each, height }, picture, scene).svg),
    );
    return { svg: svg.join(''), height };
  });
  return stacked(drawn);
}

function drawTabs(tabs: Tabs, room: Room, picture: Picture, scene: Scene): Drawing {
  const { theme, state } = scene;
  const chosen = shownTab(tabs, state);
  let x = 0;
  const titles = tabs.tabs.map(({ title }, index): Svg => {
    const isBold = index === chosen;
    const shown = shorten(title, Math.max(0, room.width - x), TAB.size, isBold);
    const titleWidth = textWidth(shown, TAB.size, isBold);
    const color = isBold ? theme.text : theme.textMuted;
    const svg =
      line(x, TAB.baseline, shown, { size: TAB.size, color, isBold }) +
      (isBold
        ? element('rect', { x, y: 30, width: titleWidth, height: 2, fill: theme.textAccent })
        : '');
    x += titleWidth + TAB.gap;
    return svg;
  });
  const items = drawItems(tabs.tabs[chosen]?.items ?? [], { width: room.width }, picture, scene);
  return {
    svg: titles.join('') + moved(0, TAB.height + 4, items.svg),
    height: TAB.height + 4 + items.height,
  };
}
