import { useState } from 'react';
import type { ChartAnswer } from '../../../src/dashboard/answer.ts';
import { formatNumber, type Wording } from '../../../src/dashboard/format.ts';
import { barsHeight } from '../../../src/dashboard/plot.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { EmptyState, Skeleton } from '../ui/states.tsx';
import { CategoryChart } from './bar-chart.tsx';
import styles from './chart-card.module.css';
import { KpiTable, SeriesTable } from './data-table.tsx';
import { Grid } from './grid.tsx';
import { Kpi } from './kpi.tsx';
import { Legend } from './legend.tsx';
import { TimeChart } from './time-chart.tsx';
import { useView } from './view.ts';
import { WhyEmpty } from './why-empty.tsx';

/** One chart in its frame, with its numbers as a table a click away. */
export function ChartCard({ chart }: { chart: Chart }) {
  const { answer, standing, wording } = useView();
  const [isTable, setTable] = useState(false);
  const shown = answer?.charts[chart.id];
  const isDrawn = shown?.kind === 'series' || shown?.kind === 'kpi';
  return (
    <Card
      title={<Title chart={chart} answer={shown} wording={wording} />}
      standing={shown ? standing : 'current'}
      actions={
        isDrawn && (
          <Button
            variant="quiet"
            className={styles['toggle'] ?? ''}
            aria-pressed={isTable}
            aria-label={`${chart.title}: show ${isTable ? 'the drawing' : 'numbers as a table'}`}
            onClick={() => setTable(!isTable)}
          >
            {isTable ? 'Chart' : 'Table'}
          </Button>
        )
      }
    >
      <div style={{ minHeight: heightOf(chart, shown) }} data-chart={chart.id}>
        {shown ? (
          <Body chart={chart} answer={shown} wording={wording} isTable={isTable} />
        ) : (
          <Skeleton lines={3} />
        )}
      </div>
    </Card>
  );
}

/** Bars of a chart that does not say how many. */
const BARS_DEFAULT = 12;

/** What is kept free for a chart before its numbers are there. */
function heightOf(chart: Chart, answer: ChartAnswer | undefined): number {
  if (chart.kind === 'kpi') return 68;
  if (chart.kind === 'grid') return 200;
  // Bars know the room they need.
  if (answer?.kind === 'series' && answer.axis.kind === 'category') return 0;
  return chart.kind === 'bar' || chart.kind === 'stacked'
    ? barsHeight(Math.min(chart.top ?? BARS_DEFAULT, BARS_DEFAULT))
    : 260;
}

function Title({
  chart,
  answer,
  wording,
}: {
  chart: Chart;
  answer: ChartAnswer | undefined;
  wording: Wording;
}) {
  const count = (number: number) => formatNumber(number, 'integer', wording);
  const notes = [
    ...(answer && answer.notFiltered.length > 0
      ? [
          `not filtered by ${answer.notFiltered.map((field) => field.replaceAll('_', ' ')).join(', ')}`,
        ]
      : []),
    ...(answer?.kind === 'series' && (answer.categories ?? 0) > answer.x.length
      ? [`top ${count(answer.x.length)} of ${count(answer.categories ?? 0)}`]
      : []),
  ];
  return (
    <span className={styles['title']} title={chart.description}>
      {chart.title}
      {notes.length > 0 && <span className={styles['note']}> · {notes.join(' · ')}</span>}
      {answer?.from === 'full' && answer.kind !== 'grid' && (
        <span
          className={styles['note']}
          title="Computed from the rows each time: the measure does not add up from parts, or the source is a view."
        >
          {' '}
          · computed in full
        </span>
      )}
    </span>
  );
}

interface BodyProps {
  readonly chart: Chart;
  readonly answer: ChartAnswer;
  readonly wording: Wording;
  readonly isTable: boolean;
}

function Body({ chart, answer, wording, isTable }: BodyProps) {
  switch (answer.kind) {
    case 'kpi':
      return isTable ? (
        <KpiTable chart={chart} answer={answer} />
      ) : (
        <Kpi chart={chart} answer={answer} wording={wording} />
      );
    case 'grid':
      return <Grid chart={chart} answer={answer} wording={wording} />;
    case 'failed':
      return (
        <div role="alert" className={styles['failed']}>
          <p>This chart could not be computed.</p>
          <code>{answer.message}</code>
        </div>
      );
    case 'series': {
      if (answer.x.length === 0)
        return (
          <EmptyState title="No data">
            <WhyEmpty chart={chart} />
          </EmptyState>
        );
      const Drawn = answer.axis.kind === 'time' ? TimeChart : CategoryChart;
      return (
        <>
          <Legend chart={chart} answer={answer} />
          {isTable ? (
            <SeriesTable chart={chart} answer={answer} />
          ) : (
            <Drawn chart={chart} answer={answer} />
          )}
        </>
      );
    }
  }
}
