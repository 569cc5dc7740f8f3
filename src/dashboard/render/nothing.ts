import type { Drawing, Room, Scene } from './scene.ts';
import { line } from './text.ts';

const HEIGHT = 96;

/** What stands where there is nothing to draw. */
export function nothing(
  words: string,
  { width, height = HEIGHT }: Room,
  { theme }: Scene,
): Drawing {
  const svg = line(width / 2, height / 2 + 4, words, {
    size: 13,
    color: theme.textMuted,
    align: 'middle',
  });
  return { svg, height };
}
