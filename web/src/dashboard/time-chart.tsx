import { useCallback, useMemo, useState } from 'react';
import type { SeriesAnswer } from '../../../src/dashboard/answer.ts';
import { categoryName } from '../../../src/dashboard/bar-option.ts';
import { chartOption } from '../../../src/dashboard/chart-option.ts';
import { formatBin, formatNumber, NOTHING } from '../../../src/dashboard/format.ts';
import { fillBins, type Size, timePlot } from '../../../src/dashboard/plot.ts';
import { seriesColor } from '../../../src/dashboard/theme.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import { Brush } from './brush.tsx';
import { useChosen } from './chosen.ts';
import { Drawing } from './drawing.tsx';
import { Swatch } from './legend.tsx';
import { Tooltip } from './tooltip.tsx';
import { useView } from './view.ts';

const HEIGHT = 260;

/** A chart over bins of time: pointed at it tells its numbers, drawn over it filters the rest. */
export function TimeChart({ chart, answer }: { chart: Chart; answer: SeriesAnswer }) {
  const { theme, wording, state } = useView();
  const filled = useMemo(() => fillBins(answer), [answer]);
  const [pointed, setPointed] = useState<{ at: number; x: number; y: number }>();
  const plot = timePlot(chart, filled, wording);
  const chosen = useChosen(chart, state);
  const option = useCallback(
    (size: Size) => chartOption(chart, filled, { theme, size, wording, chosen }),
    [chart, filled, theme, wording, chosen],
  );
  return (
    <Drawing height={HEIGHT} label={`${chart.title}, a chart over time`} option={option}>
      {(size) => (
        <>
          <Brush chart={chart} answer={filled} plot={plot} size={size} onPoint={setPointed} />
          {pointed && filled.x[pointed.at] !== undefined && (
            <Tooltip at={pointed} width={size.width}>
              <Numbers chart={chart} answer={filled} at={pointed.at} />
            </Tooltip>
          )}
        </>
      )}
    </Drawing>
  );
}

function Numbers({ chart, answer, at }: { chart: Chart; answer: SeriesAnswer; at: number }) {
  const { theme, wording } = useView();
  const { grain = 'day', type } = answer.axis;
  return (
    <>
      <p>{formatBin(answer.x[at] as number, grain, type === 'timestamptz', wording)}</p>
      <dl>
        {answer.series.map((series, index) => {
          const value = series.values[at] ?? null;
          return (
            <Line
              key={series.isOther ? 'other' : JSON.stringify(series.name ?? null)}
              color={seriesColor(theme, index, series.isOther === true)}
              name={nameOf(chart, series)}
              value={value === null ? NOTHING : formatNumber(value, chart.format, wording)}
            />
          );
        })}
        {answer.ghost && (
          <Line
            color={theme.textMuted}
            name="unfiltered"
            value={formatNumber(answer.ghost[at] ?? null, chart.format, wording)}
          />
        )}
      </dl>
    </>
  );
}

function Line({ color, name, value }: { color: string; name: string; value: string }) {
  return (
    <>
      <Swatch color={color} />
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function nameOf(chart: Chart, series: SeriesAnswer['series'][number]): string {
  if (series.isOther) return 'Other';
  return chart.color === undefined ? chart.title : categoryName(series.name);
}
