import { MillraceError } from '../core/errors.ts';
import type { FieldSpec, NamedField } from '../core/field-types.ts';
import type { StreamPlan } from '../plan/plan.ts';
import { type DateOrder, normalDate, possibleOrders } from './date-forms.ts';
import type { FileSource, SourceRow, SourceValue } from './source.ts';

/** Rows of a file as records of a stream. Values that do not fit go on as they are: the stream words the refusal. */
export interface MappingOptions {
  /** Column → field, as the user says. */
  readonly map: ReadonlyMap<string, string>;
  readonly ignore: ReadonlySet<string>;
  /** Texts that stand for no value, besides the empty one. */
  readonly nulls: ReadonlySet<string>;
  /** The order of day and month where the user says it. */
  readonly dates: DateOrder | undefined;
}

export class RecordMapper {
  readonly #stream: StreamPlan;
  readonly #options: MappingOptions;
  readonly #byColumn = new Map<string, NamedField | null>();
  readonly #orders: ReadonlyMap<string, DateOrder>;

  private constructor(
    stream: StreamPlan,
    options: MappingOptions,
    orders: ReadonlyMap<string, DateOrder>,
  ) {
    this.#stream = stream;
    this.#options = options;
    this.#orders = orders;
  }

  /** @throws MillraceError MR_IMPORT_FILE for columns without a field, and for dates that can be read in two ways. */
  static async create(
    source: FileSource,
    stream: StreamPlan,
    options: MappingOptions,
  ): Promise<RecordMapper> {
    const names = new RecordMapper(stream, options, new Map());
    for (const column of source.columns) names.#field(source.path, column);
    const orders =
      source.dialect.format === 'csv'
        ? await findOrders(source, names, options)
        : new Map<string, DateOrder>();
    return new RecordMapper(stream, options, orders);
  }

  /** The row's record as a line of JSON. */
  record(path: string, row: SourceRow): string {
    const members: string[] = [];
    for (const [column, value] of row.values) {
      const field = this.#field(path, column);
      if (field === null) continue;
      const json = this.#value(field, value);
      if (json !== undefined) members.push(`${JSON.stringify(field?.name ?? column)}:${json}`);
    }
    return `{${members.join(',')}}`;
  }

  /** null: left out; undefined: no field, but the stream takes what it does not know. */
  #field(path: string, column: string): NamedField | null | undefined {
    const known = this.#byColumn.get(column);
    if (known !== undefined) return known;
    const found = this.#find(path, column);
    if (found !== undefined) this.#byColumn.set(column, found);
    return found;
  }

  #find(path: string, column: string): NamedField | null | undefined {
    const { fields, name, unknown } = this.#stream;
    if (this.#options.ignore.has(column)) return null;
    const wanted = this.#options.map.get(column);
    const field = fields.find((candidate) =>
      wanted === undefined ? plain(candidate.name) === plain(column) : candidate.name === wanted,
    );
    if (field || (wanted === undefined && unknown !== 'refuse')) return field;
    const names = fields.map((candidate) => candidate.name).join(', ');
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${path}: column ${JSON.stringify(column)} ${wanted === undefined ? 'matches no field' : `is mapped to '${wanted}', which is not a field`} of stream '${name}' (${names}). Say which with --map ${JSON.stringify(`${column}=field`)}, or leave it out with --ignore ${JSON.stringify(column)}.`,
      { details: { column } },
    );
  }

  #value(field: NamedField | undefined, value: SourceValue): string | undefined {
    if ('json' in value) return value.json;
    const { text } = value;
    if (
      this.#options.nulls.has(text) ||
      (text === '' && (!field || field.optional || field.type.kind !== 'string'))
    )
      return undefined;
    return field ? jsonOfCell(field, text, this.#orders.get(field.name)) : JSON.stringify(text);
  }

  /** Fields whose cells are dates. */
  dateField(path: string, column: string): NamedField | undefined {
    const field = this.#field(path, column);
    return field &&
      ['date', 'timestamp', 'timestamptz'].includes(field.type.kind) &&
      field.from === undefined
      ? field
      : undefined;
  }
}

/** Case, underscores and spaces make no difference between a column and its field. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_.-]/g, '');
}

/** Reads on until each date column shows which number is the day; most files show it early. */
async function findOrders(
  source: FileSource,
  mapper: RecordMapper,
  options: MappingOptions,
): Promise<Map<string, DateOrder>> {
  const orders = new Map<string, DateOrder>();
  const columns = source.columns
    .map((column) => mapper.dateField(source.path, column))
    .filter((field) => field !== undefined);
  if (options.dates !== undefined)
    return new Map(columns.map((field) => [field.name, options.dates as DateOrder]));
  const open = new Map<string, Set<DateOrder>>(
    columns.map((field) => [field.name, new Set(['YMD', 'MDY', 'DMY'] as DateOrder[])]),
  );
  const seen = new Set<string>();
  for await (const row of source.rows()) {
    if (open.size === 0) break;
    for (const [column, value] of row.values) {
      const field = mapper.dateField(source.path, column);
      const possible = field && open.get(field.name);
      const here = possible && 'text' in value ? possibleOrders(value.text) : undefined;
      if (!field || !possible || !here) {
        // ISO dates need no order: a column that starts with them is not looked at further.
        if (field && possible && !seen.has(field.name) && 'text' in value && value.text !== '')
          open.delete(field.name);
        continue;
      }
      seen.add(field.name);
      for (const order of possible) if (!here.includes(order)) possible.delete(order);
      const [only] = possible;
      if (possible.size <= 1) open.delete(field.name);
      if (possible.size === 1 && only) orders.set(field.name, only);
    }
  }
  for (const [name, possible] of open) {
    if (seen.has(name) && possible.size > 1)
      throw new MillraceError(
        'MR_IMPORT_FILE',
        `${source.path}: the dates of '${name}' can be read as month/day and as day/month. Say which with --dates MDY or --dates DMY.`,
      );
  }
  return orders;
}

const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const TRUE: ReadonlySet<string> = new Set(['true', 't', 'yes', 'y', '1']);
const FALSE: ReadonlySet<string> = new Set(['false', 'f', 'no', 'n', '0']);

function jsonOfCell(field: FieldSpec, text: string, order: DateOrder | undefined): string {
  const trimmed = text.trim();
  if (field.from === 'epoch-seconds' || field.from === 'epoch-milliseconds')
    return NUMBER.test(trimmed) ? trimmed : JSON.stringify(text);
  switch (field.type.kind) {
    case 'int':
      return INTEGER.test(trimmed) ? trimmed : JSON.stringify(text);
    case 'float':
    case 'double':
      return NUMBER.test(trimmed) ? trimmed : JSON.stringify(trimmed);
    case 'long':
    case 'decimal':
    case 'uuid':
      return JSON.stringify(trimmed);
    case 'boolean':
      return TRUE.has(trimmed.toLowerCase())
        ? 'true'
        : FALSE.has(trimmed.toLowerCase())
          ? 'false'
          : JSON.stringify(text);
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return JSON.stringify(dateCell(field, trimmed, order));
    case 'list':
    case 'map':
    case 'struct':
      return isJson(trimmed) ? trimmed : JSON.stringify(text);
    default:
      return JSON.stringify(text);
  }
}

function dateCell(field: FieldSpec, text: string, order: DateOrder | undefined): string {
  const normal = order === undefined ? undefined : normalDate(text, order);
  const value = normal ?? text;
  // A date in a timestamp's column is its midnight; midnight in a date's column is its date.
  if (field.type.kind !== 'date' && /^\d{4}-\d\d-\d\d$/.test(value))
    return field.type.kind === 'timestamptz' ? `${value}T00:00:00Z` : `${value}T00:00:00`;
  if (field.type.kind === 'date')
    return value.replace(/^(\d{4}-\d\d-\d\d)[T ]00:00(?::00(?:\.0+)?)?$/, '$1');
  return value;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Not JSON: the stream says what it wants instead.
    return false;
  }
}
