import { useCallback, useMemo, useState } from 'react';
import { seriesColor, THEMES, type Theme } from '../../../src/dashboard/theme.ts';
import { Drawing } from '../dashboard/drawing.tsx';
import { Swatch } from '../dashboard/legend.tsx';
import { formatCount, plural } from '../format.ts';
import { useTheme } from '../theme.ts';
import { Field, Select } from '../ui/field.tsx';
import { EmptyState } from '../ui/states.tsx';
import {
  type ChosenColumns,
  chartOption,
  POINTS_MAX,
  SERIES_MAX,
  type Series,
  seriesOf,
  withoutTime,
} from './chart-option.ts';
import styles from './quick-chart.module.css';
import type { ResultTable } from './result-table.ts';
import { isNumber, isTime } from './result-values.ts';

const HEIGHT_PX = 320;

/** One column of a result over another, one line or row of bars for each value of a third. */
export function QuickChart({ result }: { result: ResultTable }) {
  const { columns, rowCount } = result;
  const [chosen, choose] = useState(() => firstChoice(result));
  const theme = THEMES[useTheme()];
  const all = useMemo(() => (chosen ? seriesOf(result, chosen) : []), [result, chosen]);
  const option = useCallback(
    () => (chosen ? chartOption(result, chosen, all.slice(0, SERIES_MAX), theme) : {}),
    [result, chosen, all, theme],
  );
  if (!chosen)
    return <EmptyState title="There is no number to draw">A chart needs one.</EmptyState>;
  const names = columns.map(({ name }, index) => ({ name, index }));
  const numbers = names.filter(({ index }) => isNumber(columns[index]?.type ?? ''));
  const { kind, x, y, by } = chosen;
  const left = withoutTime(result, chosen);
  return (
    <div className={styles['chart']}>
      <div className={styles['choices']}>
        <Field label="Chart" isInline>
          <Select
            value={kind}
            onChange={({ target }) =>
              choose({ ...chosen, kind: target.value as ChosenColumns['kind'] })
            }
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
        <Field label="Split by" isInline>
          <Select value={by ?? ''} onChange={({ target }) => choose(splitBy(chosen, target.value))}>
            <option value="">nothing</option>
            <ColumnOptions columns={names} />
          </Select>
        </Field>
        {left > 0 && <span>{plural(left, 'row')} without a time.</span>}
        {rowCount > POINTS_MAX && (
          <span>
            The first {formatCount(POINTS_MAX)} of {formatCount(rowCount)} rows.
          </span>
        )}
      </div>
      {by !== undefined && <SeriesNames series={all} theme={theme} />}
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
  readonly columns: Named;
  readonly value: number;
  readonly onChange: (index: number) => void;
}

function ColumnSelect({ label, columns, value, onChange }: ColumnSelectProps) {
  return (
    <Field label={label} isInline>
      <Select value={value} onChange={({ target }) => onChange(Number(target.value))}>
        <ColumnOptions columns={columns} />
      </Select>
    </Field>
  );
}

type Named = readonly { readonly name: string; readonly index: number }[];

const ColumnOptions = ({ columns }: { columns: Named }) =>
  columns.map(({ name, index }) => (
    <option key={index} value={index}>
      {name}
    </option>
  ));

const splitBy = ({ by: _, ...chosen }: ChosenColumns, column: string): ChosenColumns =>
  column === '' ? chosen : { ...chosen, by: Number(column) };

/** What is drawn in which colour. */
function SeriesNames({ series, theme }: { series: readonly Series[]; theme: Theme }) {
  return (
    <ul className={styles['series']} aria-label="Colours">
      {series.slice(0, SERIES_MAX).map(({ name }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a text may be called as what is NULL is
        <li key={index}>
          <Swatch color={seriesColor(theme, index, false)} /> {name}
        </li>
      ))}
      {series.length > SERIES_MAX && (
        <li>
          {SERIES_MAX} of {formatCount(series.length)} are drawn.
        </li>
      )}
    </ul>
  );
}

/** The last number over a time, else over the first column that is none; split by another such column, if there is one more. */
function firstChoice({ columns }: ResultTable): ChosenColumns | undefined {
  const y = columns.findLastIndex(({ type }) => isNumber(type));
  if (y === -1) return undefined;
  const others = columns.flatMap(({ type }, index) => (isNumber(type) ? [] : [index]));
  const time = others.find((index) => isTime(columns[index]?.type ?? ''));
  const x = time ?? others[0] ?? 0;
  const [by, ...more] = others.filter((index) => index !== x);
  const chosen: ChosenColumns = { kind: time === undefined ? 'bar' : 'line', x, y };
  return by === undefined || more.length > 0 ? chosen : { ...chosen, by };
}
