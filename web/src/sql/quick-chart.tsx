import type { EChartsOption } from 'echarts';
import { useCallback, useState } from 'react';
import { THEMES, type Theme } from '../../../src/dashboard/theme.ts';
import { Drawing } from '../dashboard/drawing.tsx';
import { formatCount } from '../format.ts';
import { useTheme } from '../theme.ts';
import { Field, Select } from '../ui/field.tsx';
import { EmptyState } from '../ui/states.tsx';
import styles from './quick-chart.module.css';
import type { ResultTable } from './result-table.ts';
import { cellText, isNumber } from './result-values.ts';

/** More bars or points say no more on a screen. */
const POINTS_MAX = 1000;
const HEIGHT_PX = 320;

interface Chosen {
  readonly kind: 'bar' | 'line';
  readonly x: number;
  readonly y: number;
}

/** One column of a result over another, in the order of its rows. */
export function QuickChart({ result }: { result: ResultTable }) {
  const { columns, rowCount } = result;
  const [chosen, choose] = useState(() => firstChoice(result));
  const theme = THEMES[useTheme()];
  const option = useCallback(
    () => (chosen ? optionOf(result, chosen, theme) : {}),
    [result, chosen, theme],
  );
  if (!chosen)
    return <EmptyState title="There is no number to draw">A chart needs one.</EmptyState>;
  const names = columns.map(({ name }, index) => ({ name, index }));
  const numbers = names.filter(({ index }) => isNumber(columns[index]?.type ?? ''));
  const { kind, x, y } = chosen;
  return (
    <div className={styles['chart']}>
      <div className={styles['choices']}>
        <Field label="Chart" isInline>
          <Select
            value={kind}
            onChange={({ target }) => choose({ ...chosen, kind: target.value as Chosen['kind'] })}
          >
            <option value="bar">Bars</option>
            <option value="line">Line</option>
          </Select>
        </Field>
        <ColumnSelect
          label="Across"
          columns={names}
          value={x}
          onChange={(x) => choose({ ...chosen, x })}
        />
        <ColumnSelect
          label="Up"
          columns={numbers}
          value={y}
          onChange={(y) => choose({ ...chosen, y })}
        />
        {rowCount > POINTS_MAX && (
          <span>
            The first {formatCount(POINTS_MAX)} of {formatCount(rowCount)} rows.
          </span>
        )}
      </div>
      <Drawing
        height={HEIGHT_PX}
        label={`${columns[y]?.name} by ${columns[x]?.name}`}
        option={option}
      >
        {() => null}
      </Drawing>
    </div>
  );
}

interface ColumnSelectProps {
  readonly label: string;
  readonly columns: readonly { readonly name: string; readonly index: number }[];
  readonly value: number;
  readonly onChange: (index: number) => void;
}

function ColumnSelect({ label, columns, value, onChange }: ColumnSelectProps) {
  return (
    <Field label={label} isInline>
      <Select value={value} onChange={({ target }) => onChange(Number(target.value))}>
        {columns.map(({ name, index }) => (
          <option key={index} value={index}>
            {name}
          </option>
        ))}
      </Select>
    </Field>
  );
}

const isTime = (type: string): boolean => type === 'DATE' || type.startsWith('TIMESTAMP');

/** The last number over the first column that is none; a line where that is a time. */
function firstChoice({ columns }: ResultTable): Chosen | undefined {
  const y = columns.findLastIndex(({ type }) => isNumber(type));
  if (y === -1) return undefined;
  const other = columns.findIndex(({ type }) => !isNumber(type));
  const x = other === -1 ? 0 : other;
  return { kind: isTime(columns[x]?.type ?? '') ? 'line' : 'bar', x, y };
}

function optionOf(
  { columns, rowCount }: ResultTable,
  { kind, x, y }: Chosen,
  theme: Theme,
): EChartsOption {
  const rows = Array.from({ length: Math.min(rowCount, POINTS_MAX) }, (_, row) => row);
  const valueAt = (row: number) => {
    const value = columns[y]?.value(row) ?? null;
    return value === null ? null : Number(value);
  };
  const axis = { axisLabel: { color: theme.textMuted, hideOverlap: true } };
  return {
    animation: false,
    grid: { left: 72, right: 16, top: 16, bottom: 40 },
    xAxis: {
      type: 'category',
      data: rows.map((row) => cellText(columns[x]?.value(row) ?? 'NULL')),
      ...axis,
    },
    yAxis: { type: 'value', splitLine: { lineStyle: { color: theme.border } }, ...axis },
    series: [
      {
        type: kind,
        data: rows.map(valueAt),
        itemStyle: { color: theme.series[0] },
        showSymbol: false,
      },
    ],
  } as EChartsOption;
}
