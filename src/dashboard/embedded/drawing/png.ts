import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { PNG_SCALE } from '../../renderer.ts';

/** A picture larger than this is drawn with one pixel to a CSS pixel: it is held whole in memory. */
const PIXELS_MAX = 40_000_000;
const FONTS = ['Inter_400Regular.ttf', 'Inter_600SemiBold.ttf'];
/** What Inter has no letters for. */
const OTHER_SCRIPT =
  /[^\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Common}\p{Script=Inherited}]|\p{Emoji_Presentation}/u;

/** An SVG as PNG. `fonts`: the folder with Inter. */
export function toPng(svg: string, fonts: string): Uint8Array {
  const [, width, height] = /<svg[^>]* width="([\d.]+)" height="([\d.]+)"/.exec(svg) ?? [];
  const pixels = Number(width) * Number(height) * PNG_SCALE ** 2;
  const image = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: pixels > PIXELS_MAX ? 1 : PNG_SCALE },
    font: {
      fontFiles: FONTS.map((name) => join(fonts, name)),
      // Finding them takes up to a second, so they are looked for only where they are needed.
      loadSystemFonts: OTHER_SCRIPT.test(svg),
      defaultFontFamily: 'Inter',
      sansSerifFamily: 'Inter',
    },
  });
  return image.render().asPng();
}
