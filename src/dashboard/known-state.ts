import type { FieldType } from '../core/field-types.ts';
import { parseTime } from '../core/time-grain.ts';
import type { DashboardItem } from '../definition/chart.ts';
import { itemsOf } from '../definition/dashboard-items.ts';
import type { Plan } from '../plan/plan.ts';
import type { DashboardState, FieldFilter } from './state.ts';

type Kind = FieldType['kind'];
/** The fields that people filter by on a dashboard; of a column of a model the type is not known. */
export type FilterFields = ReadonlyMap<string, Kind | undefined>;

/** What charts and controls name, with the type of its first mention. */
export function filterFields(
  items: readonly DashboardItem[],
  { streams }: Pick<Plan, 'streams'>,
): FilterFields {
  const fields = new Map<string, Kind | undefined>();
  for (const item of itemsOf(items)) {
    if (!('from' in item)) continue;
    const named = 'field' in item ? [item.field] : [item.x, item.color];
    const columns = streams.find(({ name }) => name === item.from)?.fields;
    for (const name of named)
      if (name !== undefined && !fields.has(name))
        fields.set(name, columns?.find((column) => column.name === name)?.type.kind);
  }
  return fields;
}

/** The state without what means nothing on this dashboard: fields it does not filter by, values their type does not have. */
export function knownState(state: DashboardState, fields: FilterFields): DashboardState {
  const filters = Object.entries(state.filters).flatMap(([field, filter]) => {
    const known = fields.has(field) ? knownFilter(filter, fields.get(field)) : {};
    return Object.keys(known).length > 0 ? [[field, known] as const] : [];
  });
  return { ...state, filters: Object.fromEntries(filters) };
}

const TIMES: ReadonlySet<string> = new Set(['date', 'timestamp', 'timestamptz']);

function knownFilter({ in: values, range, has }: FieldFilter, kind: Kind | undefined): FieldFilter {
  const known = values?.filter((value) => value === null || isValue(value, kind)) ?? [];
  return {
    ...(known.length > 0 ? { in: known } : {}),
    ...(range && (kind === undefined || TIMES.has(kind)) ? { range } : {}),
    ...(has === undefined ? {} : { has }),
  };
}

function isValue(text: string, kind: Kind | undefined): boolean {
  switch (kind) {
    case 'boolean':
      return text === 'true' || text === 'false';
    case 'int':
    case 'long':
      return /^[+-]?\d+$/.test(text);
    case 'float':
    case 'double':
    case 'decimal':
      return (
        text.trim() !== '' && !Number.isNaN(Number(text.replace(/^([+-]?)(nan|inf.*)$/i, '0')))
      );
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return !Number.isNaN(parseTime(text.replace(/\+00$/, '')));
    default:
      return true;
  }
}
