import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import { init, setPlatformAPI, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Plotter } from '../../render/scene.ts';
import { onlyXml } from '../../render/svg.ts';
import { textWidth } from '../../render/text.ts';

use([LineChart, BarChart, GridComponent, SVGRenderer]);
setPlatformAPI({ measureText: (text, font) => ({ width: widthOf(text, font ?? '') }) });

/** ECharts as a plotter; each drawing has names of its own in the picture that they are put together to. */
export function echartsPlotter(): Plotter {
  let count = 0;
  return (option, size) => {
    count += 1;
    const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
    try {
      chart.setOption(option);
      return inner(chart.renderToSVGString(), `p${count}-`);
    } finally {
      chart.dispose();
    }
  };
}

/** Fonts are as in CSS: `600 12px Inter, …`. */
function widthOf(text: string, font: string): number {
  const size = Number(/(\d+(?:\.\d+)?)px/.exec(font)?.[1] ?? 12);
  return textWidth(text, size, /\b(?:600|700|bold)\b/.test(font));
}

/**
 * What is within `<svg>`, without what only a page needs: ids that count on through the process, marks for
 * its scripts and style for its pointer. A quote within a text is an entity, so that none of these patterns
 * matches data.
 */
function inner(svg: string, prefix: string): string {
  return onlyXml(svg)
    .replace(/^<svg[^>]*>\s*<rect[^>]*><\/rect>/, '')
    .replace(/<\/svg>\s*$/, '')
    .replace(/<style >.*?<\/style>/s, '')
    .replace(/ (?:ecmeta_\w+|class|pointer-events)="[^"]*"/g, '')
    .replace(/ (id|clip-path)="(url\(#)?zr\d+-/g, ` $1="$2${prefix}`)
    .replace(/\n/g, '');
}
