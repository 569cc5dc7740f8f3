import type { FieldSpec } from '../core/field-types.ts';
import { type DateOrder, normalDate } from './date-forms.ts';

/** A cell's text as the JSON of its field; undefined where the cell stands for no value. */
export type CellJson = (text: string) => string | undefined;

export interface CellOptions {
  /** Texts that stand for no value, besides the empty one. */
  readonly nulls: ReadonlySet<string>;
  readonly order: DateOrder | undefined;
  readonly decimalComma: boolean;
}

/** What turns the cells of one column into JSON. Texts that do not fit go on as they are: the stream words the refusal. */
export function compileCell(
  field: FieldSpec | undefined,
  { nulls, order, decimalComma }: CellOptions,
): CellJson {
  const plain = field ? jsonOf(field, order) : jsonText;
  const json =
    field && decimalComma && isNumber(field) ? (text: string) => plain(point(text)) : plain;
  // The empty text is a value of a required text field only.
  const isEmptyNull = !field || field.optional || field.type.kind !== 'string';
  if (nulls.size === 0) return (text) => (text === '' && isEmptyNull ? undefined : json(text));
  return (text) => (nulls.has(text) || (text === '' && isEmptyNull) ? undefined : json(text));
}

/** JSON without line ends, which can only stand between its tokens: a record is one line. */
export function oneLine(json: string): string {
  return json.replace(/[\r\n]/g, ' ');
}

/** The text as a JSON string. */
export function jsonText(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < SPACE || code === QUOTE || code === BACKSLASH || code >= FIRST_SURROGATE)
      return JSON.stringify(text);
  }
  return `"${text}"`;
}

const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;
const FIRST_SURROGATE = 0xd800;

const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const BOOLEANS: ReadonlyMap<string, string> = new Map([
  ...['true', 't', 'yes', 'y', '1'].map((text) => [text, 'true'] as const),
  ...['false', 'f', 'no', 'n', '0'].map((text) => [text, 'false'] as const),
]);

const NUMBERS: ReadonlySet<string> = new Set(['int', 'long', 'float', 'double', 'decimal']);

const isNumber = (field: FieldSpec): boolean =>
  NUMBERS.has(field.type.kind) || field.from?.startsWith('epoch') === true;

const COMMA_NUMBER = /^([+-]?)(\d{1,3}(?:[. \u00a0\u202f]\d{3})+|\d+)(?:,(\d+))?([eE][+-]?\d+)?$/;

/** `1.234,56` → `1234.56`. What is no such number is not turned into one: `12.50` must not pass as 12.5. */
function point(text: string): string {
  const match = COMMA_NUMBER.exec(text.trim());
  if (!match) return `${text} (not a number with a decimal comma)`;
  const [, sign = '', whole = '', fraction, exponent = ''] = match;
  const digits = whole.replace(/[^\d]/g, '');
  return `${sign === '-' ? '-' : ''}${digits}${fraction === undefined ? '' : `.${fraction}`}${exponent}`;
}

function jsonOf(field: FieldSpec, order: DateOrder | undefined): (text: string) => string {
  if (field.from === 'epoch-seconds' || field.from === 'epoch-milliseconds')
    return (text) => bare(text, NUMBER) ?? jsonText(text);
  switch (field.type.kind) {
    case 'int':
      return (text) => bare(text, INTEGER) ?? jsonText(text);
    case 'float':
    case 'double':
      return (text) => bare(text, NUMBER) ?? jsonText(text.trim());
    case 'long':
    case 'decimal':
    case 'uuid':
      return (text) => jsonText(text.trim());
    case 'boolean':
      return (text) => BOOLEANS.get(text.trim().toLowerCase()) ?? jsonText(text);
    case 'date':
      return (text) => jsonText(dateOf(text.trim(), order));
    case 'timestamp':
      return (text) => jsonText(timeOf(text.trim(), order, ''));
    case 'timestamptz':
      return (text) => jsonText(timeOf(text.trim(), order, 'Z'));
    case 'list':
    case 'map':
    case 'struct':
      return (text) => (isJson(text.trim()) ? oneLine(text.trim()) : jsonText(text));
    default:
      return jsonText;
  }
}

/** The text as it is, where it is of the form. */
function bare(text: string, form: RegExp): string | undefined {
  const trimmed = text.trim();
  return form.test(trimmed) ? trimmed : undefined;
}

/** Midnight in a date's column is its date. */
function dateOf(text: string, order: DateOrder | undefined): string {
  const value = normalDate(text, order) ?? text;
  return value.replace(/^(\d{4}-\d\d-\d\d)[T ]00:00(?::00(?:\.0+)?)?$/, '$1');
}

const DATE = /^\d{4}-\d\d-\d\d$/;

/** A date in a time's column is its midnight. */
function timeOf(text: string, order: DateOrder | undefined, zone: string): string {
  const value = normalDate(text, order) ?? text;
  return DATE.test(value) ? `${value}T00:00:00${zone}` : value;
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
