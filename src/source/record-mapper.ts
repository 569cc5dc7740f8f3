import { MillraceError } from '../core/errors.ts';
import type { NamedField } from '../core/field-types.ts';
import type { StreamPlan } from '../plan/plan.ts';
import { type CellJson, compileCell, jsonText, oneLine } from './cell-json.ts';
import type { DateOrder } from './date-forms.ts';
import { type DateColumn, findOrders } from './date-orders.ts';
import { fittedJson } from './fitted-json.ts';
import { type FileSource, isTyped, type SourceDialect, type SourceRow } from './source.ts';

/** Rows of a file as records of a stream. Values that do not fit go on as they are: the stream words the refusal. */
export interface MappingOptions {
  /** Column → field, as the user says. */
  readonly map: ReadonlyMap<string, string>;
  readonly ignore: ReadonlySet<string>;
  /** Texts that stand for no value, besides the empty one. */
  readonly nulls: ReadonlySet<string>;
  /** The order of day and month where the user says it. */
  readonly dates: DateOrder | undefined;
  /** Numbers of a CSV are written as `1.234,56`. */
  readonly decimalComma: boolean;
}

/** What becomes of a column: the JSON of its name, and what turns its cells into JSON. */
interface ColumnWriter {
  readonly index: number;
  readonly name: string;
  readonly json: CellJson;
}

export class RecordMapper {
  /** The order of day and month in each date column of a CSV that has one. */
  readonly orders: ReadonlyMap<string, DateOrder>;
  readonly #columns: Columns;
  readonly #writers: readonly ColumnWriter[] | undefined;

  private constructor(
    columns: Columns,
    writers: readonly ColumnWriter[] | undefined,
    orders: ReadonlyMap<string, DateOrder>,
  ) {
    this.#columns = columns;
    this.#writers = writers;
    this.orders = orders;
  }

  /** @throws MillraceError MR_IMPORT_FILE for columns without a field, and for dates that can be read in two ways. */
  static async create(
    source: FileSource,
    stream: StreamPlan,
    options: MappingOptions,
  ): Promise<RecordMapper> {
    const { format } = source.dialect;
    const columns = new Columns(source, stream, { ...options, format });
    if (format !== 'csv') return new RecordMapper(columns, undefined, new Map());
    const fields = columns.fields(source.columns);
    const orders = await ordersOf(source, fields, options.dates);
    const writers = fields.flatMap((field, index) => {
      if (field === null) return [];
      const order = field && orders.get(field.name);
      return {
        index,
        name: `${JSON.stringify(field?.name ?? source.columns[index])}:`,
        json: compileCell(field, { ...options, order }),
      };
    });
    return new RecordMapper(columns, writers, orders);
  }

  /** The row's record as a line of JSON. */
  record(row: SourceRow): string {
    return this.#writers ? cellsRecord(row.values, this.#writers) : this.#membersRecord(row);
  }

  #membersRecord({ columns, values }: SourceRow): string {
    const members: string[] = [];
    this.#columns.fields(columns).forEach((field, index) => {
      if (field === null) return;
      const value = values[index] as string;
      members.push(
        `${jsonText(field?.name ?? (columns[index] as string))}:${field ? this.#columns.fitted(field, value) : value}`,
      );
    });
    return `{${oneLine(members.join(','))}}`;
  }
}

function cellsRecord(cells: readonly string[], writers: readonly ColumnWriter[]): string {
  let members = '';
  for (const { index, name, json } of writers) {
    const value = json(cells[index] as string);
    if (value !== undefined) members += members === '' ? name + value : `,${name}${value}`;
  }
  return `{${members}}`;
}

type FieldOfColumn = NamedField | null | undefined;

/** Which field each column is. */
class Columns {
  readonly #source: FileSource;
  readonly #stream: StreamPlan;
  readonly #options: MappingOptions & { readonly format: SourceDialect['format'] };
  readonly #known = new Map<string, NamedField | null>();
  readonly #fitted = new Map<NamedField, (json: string) => string>();
  /** Of the row before: all rows of a table have the same columns. */
  #columns: readonly string[] = [];
  #fields: readonly FieldOfColumn[] = [];

  constructor(
    source: FileSource,
    stream: StreamPlan,
    options: MappingOptions & { readonly format: SourceDialect['format'] },
  ) {
    this.#source = source;
    this.#stream = stream;
    this.#options = options;
    for (const [column, field] of options.map)
      if (!stream.fields.some(({ name }) => name === field))
        throw this.#withoutField(column, `is mapped to '${field}', which is not a field`);
  }

  /**
   * The field of each column of a row; null: left out; undefined: none, then the stream decides about it.
   * @throws MillraceError MR_IMPORT_FILE for a table's column without a field, and for two of one field
   */
  fields(columns: readonly string[]): readonly FieldOfColumn[] {
    if (isSame(columns, this.#columns)) return this.#fields;
    const found = columns.map((column) => this.#field(column));
    this.#fields = found.map((field, index) =>
      field && this.#isTwin(found, columns, index) ? undefined : field,
    );
    this.#columns = columns;
    return this.#fields;
  }

  /** JSON of the source as JSON of the field. */
  fitted(field: NamedField, json: string): string {
    // The numbers of JSON are the producer's own.
    if (!isTyped(this.#options.format)) return json;
    const known = this.#fitted.get(field) ?? fittedJson(field);
    this.#fitted.set(field, known);
    return known(json);
  }

  /** Whether another column is the field more than this one: of a record, not of a table, its own name decides. */
  #isTwin(fields: readonly FieldOfColumn[], columns: readonly string[], index: number): boolean {
    const field = fields[index] as NamedField;
    const twins = columns.filter((_, at) => fields[at] === field);
    if (twins.length === 1) return false;
    if (this.#options.format === 'json')
      return (twins.includes(field.name) ? field.name : twins[0]) !== columns[index];
    const [first, second] = twins.map((column) => JSON.stringify(column));
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${this.#source.path}: columns ${first} and ${second} are both field '${field.name}' of stream '${this.#stream.name}'. Leave one out with --ignore ${second}, or say with --map ${JSON.stringify(`${twins[1]}=field`)} which other field it is.`,
      { details: { column: twins[1] as string, field: field.name } },
    );
  }

  #field(column: string): FieldOfColumn {
    const known = this.#known.get(column);
    if (known !== undefined) return known;
    const found = this.#find(column);
    if (found !== undefined) this.#known.set(column, found);
    return found;
  }

  #find(column: string): NamedField | null | undefined {
    const { fields, unknown } = this.#stream;
    if (this.#options.ignore.has(column)) return null;
    const wanted = this.#options.map.get(column);
    const field = fields.find((candidate) =>
      wanted === undefined ? isNamed(candidate, column) : candidate.name === wanted,
    );
    // Records name their own members: the stream answers for each that it does not know.
    if (field || unknown !== 'refuse' || this.#options.format === 'json') return field;
    throw this.#withoutField(column, 'matches no field');
  }

  #withoutField(column: string, problem: string): MillraceError {
    const { name, fields } = this.#stream;
    const names = fields.map((candidate) => candidate.name).join(', ');
    return new MillraceError(
      'MR_IMPORT_FILE',
      `${this.#source.path}: column ${JSON.stringify(column)} ${problem} of stream '${name}' (${names}). Say which with --map ${JSON.stringify(`${column}=field`)}, or leave it out with --ignore ${JSON.stringify(column)}.${this.#headerHint()}`,
      { details: { column } },
    );
  }

  /** Where no column has the name of a field, the first row may be data. */
  #headerHint(): string {
    const { columns } = this.#source;
    const isHeader = columns.some((column) =>
      this.#stream.fields.some((field) => isNamed(field, column)),
    );
    if (columns.length === 0 || isHeader) return '';
    return ' If the first row of the file is data and no header, read it with --no-header.';
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name, index) => name === others[index]);
}
const isNamed = (field: NamedField, column: string): boolean => plain(field.name) === plain(column);

/** Case, underscores and spaces make no difference between a column and its field. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_.-]/g, '');
}

const DATE_KINDS: ReadonlySet<string> = new Set(['date', 'timestamp', 'timestamptz']);

async function ordersOf(
  source: FileSource,
  fields: readonly (NamedField | null | undefined)[],
  said: DateOrder | undefined,
): Promise<ReadonlyMap<string, DateOrder>> {
  const columns = fields.flatMap((field, index): DateColumn[] =>
    field && field.from === undefined && DATE_KINDS.has(field.type.kind)
      ? [{ index, field: field.name }]
      : [],
  );
  if (said === undefined) return findOrders(source, columns);
  return new Map(columns.map(({ field }) => [field, said]));
}
