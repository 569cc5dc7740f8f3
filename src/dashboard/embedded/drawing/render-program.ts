import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { serveParent } from '../../../children/child-process.ts';
import { compose } from '../../render/compose.ts';
import type { Picture } from '../../renderer.ts';
import { echartsPlotter } from './echarts-plot.ts';
import { toPng } from './png.ts';

/**
 * The `render` child: draws pictures. All of this folder is built into one file, ECharts within, so that who
 * runs millrace does not install it.
 */
const FONTS = fileURLToPath(new URL('./fonts', import.meta.url));

// A picture can wait; records cannot.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

function draw(picture: Picture): Uint8Array {
  const svg = compose(picture, echartsPlotter());
  return picture.format === 'svg' ? Buffer.from(svg) : toPng(svg, FONTS);
}

serveParent({ draw });
