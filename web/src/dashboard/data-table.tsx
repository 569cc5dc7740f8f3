import { useMemo } from 'react';
import { timeText } from '../../../src/core/time-grain.ts';
import type { KpiAnswer, SeriesAnswer } from '../../../src/dashboard/answer.ts';
import { categoryName } from '../../../src/dashboard/bar-option.ts';
import { comparisonWords } from '../../../src/dashboard/comparison.ts';
import { columnLabel, formatBin, formatNumber } from '../../../src/dashboard/format.ts';
import { fillBins } from '../../../src/dashboard/plot.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import { Table } from '../ui/table.tsx';
import styles from './grid.module.css';
import { useView } from './view.ts';

/** The numbers of a drawing as a table. */
export function SeriesTable({ chart, answer }: { chart: Chart; answer: SeriesAnswer }) {
  const { wording } = useView();
  const { axis, series, x, ghost } = useMemo(() => fillBins(answer), [answer]);
  const title = (one: SeriesAnswer['series'][number]) => {
    if (one.isOther) return 'Other';
    return chart.color === undefined ? chart.title : categoryName(one.name);
  };
  const { grain = 'day', type } = axis;
  const isTime = axis.kind === 'time';
  const name = (at: number) => {
    const value = x[at] ?? null;
    if (!isTime) return <data value={value ?? ''}>{categoryName(value)}</data>;
    const ms = value as number;
    return (
      <time dateTime={timeText(ms)}>{formatBin(ms, grain, type === 'timestamptz', wording)}</time>
    );
  };
  const number = (value: number | null | undefined) => (
    <data value={value ?? ''}>{formatNumber(value ?? null, chart.format, wording)}</data>
  );
  return (
    <div className={styles['grid']}>
      <Table
        label={`${chart.title}, as a table`}
        columns={[
          { title: `${columnLabel(chart.x ?? '')}${isTime ? ` (${grain})` : ''}`, cell: name },
          ...series.map((one) => ({
            title: title(one),
            align: 'right' as const,
            cell: (at: number) => number(one.values[at]),
          })),
          ...(ghost
            ? [
                {
                  title: 'unfiltered',
                  align: 'right' as const,
                  cell: (at: number) => number(ghost[at]),
                },
              ]
            : []),
        ]}
        rows={x.map((_, at) => at)}
        keyOf={(at) => JSON.stringify(x[at])}
      />
    </div>
  );
}

export function KpiTable({ chart, answer }: { chart: Chart; answer: KpiAnswer }) {
  const { wording } = useView();
  const compared = answer.compare && comparisonWords(chart, answer.compare, wording);
  const lines: [string, string | null | undefined][] = [
    ['shown', answer.value],
    ['unfiltered', answer.total],
    [compared?.current ?? '', answer.compare?.current],
    [compared?.previous ?? '', answer.compare?.previous],
  ];
  return (
    <Table
      label={`${chart.title}, as a table`}
      columns={[
        { title: 'Of', cell: ([name]: [string, string | null | undefined]) => name },
        {
          title: chart.title,
          align: 'right',
          cell: ([, value]) => (
            <data value={value ?? ''}>{formatNumber(value ?? null, chart.format, wording)}</data>
          ),
        },
      ]}
      rows={lines.filter(([, value]) => value !== undefined)}
      keyOf={([name]) => name}
    />
  );
}
