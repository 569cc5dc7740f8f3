import { useMemo } from 'react';
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
  const name = (at: number) =>
    axis.kind === 'time'
      ? formatBin(x[at] as number, axis.grain ?? 'day', axis.type === 'timestamptz', wording)
      : categoryName(x[at]);
  const number = (value: number | null | undefined) =>
    formatNumber(value ?? null, chart.format, wording);
  return (
    <div className={styles['grid']}>
      <Table
        label={`${chart.title}, as a table`}
        columns={[
          { title: columnLabel(chart.x ?? ''), cell: (at: number) => name(at) },
          ...series.map((one) => ({
            title: title(one),
            align: 'right' as const,
            cell: (at: number) => (
              <data value={one.values[at] ?? ''}>{number(one.values[at])}</data>
            ),
          })),
          ...(ghost
            ? [
                {
                  title: 'unfiltered',
                  align: 'right' as const,
                  cell: (at: number) => <data value={ghost[at] ?? ''}>{number(ghost[at])}</data>,
                },
              ]
            : []),
        ]}
        rows={x.map((_, at) => at)}
        keyOf={(at) => String(x[at])}
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
