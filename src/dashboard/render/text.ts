import { element, escapeXml, type Svg } from './svg.ts';

/** How a text is set. */
export interface TextStyle {
  readonly size: number;
  readonly color: string;
  readonly isBold?: boolean;
  readonly align?: 'start' | 'end' | 'middle';
}

/** Widths of the characters from space to `~` in Inter, in thousandths of the font's size. */
const WIDTHS = [
  281, 288, 466, 633, 642, 982, 644, 300, 365, 365, 501, 662, 288, 460, 288, 360, 631, 407, 610,
  618, 646, 593, 620, 566, 619, 620, 288, 302, 662, 662, 662, 511, 966, 690, 654, 730, 722, 601,
  590, 746, 743, 269, 571, 672, 565, 903, 753, 765, 639, 765, 644, 642, 646, 744, 690, 985, 682,
  679, 629, 365, 360, 365, 471, 456, 323, 562, 612, 571, 612, 583, 370, 613, 591, 242, 242, 549,
  242, 876, 591, 600, 612, 612, 376, 528, 327, 591, 562, 818, 546, 562, 552, 426, 333, 426, 662,
];
const OTHER_WIDTH = 640;
const WIDE =
  /[▲▼…\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]|\p{Extended_Pictographic}/u;
const WIDE_WIDTH = 1000;
const BOLD_FACTOR = 1.045;
/** A cell may hold a megabyte; what is beyond the edge of any picture is not measured. */
const MEASURED_MAX = 500;

/** The width of a text before there is a screen to measure it on. */
export function textWidth(text: string, size: number, isBold = false): number {
  let thousandths = 0;
  for (const character of text.slice(0, MEASURED_MAX)) thousandths += widthOf(character);
  return (thousandths * size * (isBold ? BOLD_FACTOR : 1)) / 1000;
}

function widthOf(character: string): number {
  // An accent takes no room.
  const base = character.normalize('NFD').codePointAt(0) ?? 0;
  const known = WIDTHS[base - 32];
  if (known !== undefined) return known;
  return WIDE.test(character) ? WIDE_WIDTH : OTHER_WIDTH;
}

/** The text on one line and no wider than there is room, with `…` where something was left out. */
export function shorten(text: string, width: number, size: number, isBold = false): string {
  const whole = text.slice(0, MEASURED_MAX).replace(/\s+/g, ' ').trim();
  if (text.length <= MEASURED_MAX && textWidth(whole, size, isBold) <= width) return whole;
  const limit = width - textWidth('…', size, isBold);
  let used = 0;
  let kept = '';
  for (const character of whole) {
    used += textWidth(character, size, isBold);
    if (used > limit) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

/** A line of text with its baseline at `y`. */
export function line(x: number, y: number, words: string, style: TextStyle): Svg {
  return element(
    'text',
    {
      x,
      y,
      'font-size': style.size,
      ...(style.isBold ? { 'font-weight': 600 } : {}),
      ...(style.align && style.align !== 'start' ? { 'text-anchor': style.align } : {}),
      fill: style.color,
    },
    escapeXml(words),
  );
}

/** The words in lines no wider than there is room; what does not fit the last line is left out. */
export function wrap(text: string, width: number, size: number, linesMax: number): string[] {
  const lines: string[] = [];
  let rest = text
    .slice(0, MEASURED_MAX * linesMax)
    .replace(/\s+/g, ' ')
    .trim();
  while (rest !== '' && lines.length < linesMax) {
    const taken = lines.length === linesMax - 1 ? rest : firstLine(rest, width, size);
    lines.push(shorten(taken, width, size));
    rest = rest.slice(taken.length).trim();
  }
  return lines;
}

function firstLine(text: string, width: number, size: number): string {
  let end = 0;
  for (const { index } of text.matchAll(/ |$/g)) {
    if (end > 0 && textWidth(text.slice(0, index), size) > width) break;
    end = index;
  }
  return text.slice(0, end);
}
