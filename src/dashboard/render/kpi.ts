import type { Chart } from '../../definition/chart.ts';
import type { Bins, KpiAnswer } from '../answer.ts';
import { comparisonWords } from '../comparison.ts';
import { formatNumber } from '../format.ts';
import { wholeWords } from '../share.ts';
import { sparkPath } from '../spark.ts';
import { seriesColor, type Theme } from '../theme.ts';
import type { Drawing, Room, Scene } from './scene.ts';
import { digits, element, moved, type Svg } from './svg.ts';
import { line, shorten, textWidth } from './text.ts';

const VALUE = { size: 28, sizeMin: 14, height: 40, baseline: 29 };
const NOTE = { size: 12, height: 18, baseline: 13, gap: 5 };
const SPARK = { widthMin: 40, widthMax: 120, height: 36, gap: 16 };

/** Parts of a line, one after the other. */
type Words = readonly { readonly text: string; readonly color: string }[];

/** A number with its course, what it is of, and how it changed. */
export function drawKpi(chart: Chart, answer: KpiAnswer, { width }: Room, scene: Scene): Drawing {
  const { theme, wording } = scene;
  const whole = formatNumber(answer.value, chart.format, wording, 'short');
  // A number that is cut is another number: a smaller one is read.
  const fitting = (VALUE.size * width) / textWidth(whole, VALUE.size, true);
  const size = Math.max(VALUE.sizeMin, Math.min(VALUE.size, Math.floor(fitting)));
  const value = shorten(whole, width, size, true);
  const free = width - textWidth(value, size, true) - SPARK.gap;
  const notes = [share(chart, answer, scene), change(chart, answer, scene)].filter(
    (note) => note.length > 0,
  );
  const svg = [
    line(0, VALUE.baseline, value, { size, color: theme.text, isBold: true }),
    ...(answer.spark && free >= SPARK.widthMin
      ? [sparkline(answer.spark, { right: width, width: Math.min(free, SPARK.widthMax) }, theme)]
      : []),
    ...notes.map((note, index) =>
      moved(0, VALUE.height + index * NOTE.height + NOTE.baseline, inLine(note, width)),
    ),
  ];
  return { svg: svg.join(''), height: VALUE.height + notes.length * NOTE.height };
}

function inLine(words: Words, width: number): Svg {
  let x = 0;
  return words
    .map(({ text, color }) => {
      const shown = shorten(text, width - x, NOTE.size);
      const svg = line(x, 0, shown, { size: NOTE.size, color });
      x += textWidth(shown, NOTE.size) + NOTE.gap;
      return svg;
    })
    .join('');
}

/** `7.7% of £273M` */
function share(chart: Chart, answer: KpiAnswer, { theme, wording }: Scene): Words {
  const words = wholeWords(chart, answer, wording);
  return words === undefined ? [] : [{ text: words, color: theme.textMuted }];
}

/** `▲ +4.2%` in the colour of good or bad, then of when. */
function change(chart: Chart, { compare }: KpiAnswer, { theme, wording }: Scene): Words {
  if (!compare) return [];
  const words = comparisonWords(chart, compare, wording);
  const color = words.tone === 'neutral' ? theme.textMuted : theme[words.tone];
  return [
    { text: words.change, color },
    { text: words.when, color: theme.textMuted },
  ];
}

/** The course over the period, at the right of the value. */
function sparkline(bins: Bins, place: { right: number; width: number }, theme: Theme): Svg {
  const path = sparkPath(bins, { width: place.width, height: SPARK.height });
  if (path === '') return '';
  return element('path', {
    d: path,
    transform: `translate(${digits(place.right - place.width)} 0)`,
    fill: 'none',
    stroke: seriesColor(theme, 0, false),
    'stroke-width': 1.5,
    'stroke-linejoin': 'round',
  });
}
