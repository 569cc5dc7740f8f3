import { MillraceError } from '../core/errors.ts';
import type { NamedField } from '../core/field-types.ts';
import { valueProblem } from '../core/field-values.ts';
import type { JsonNode } from '../core/json-node.ts';

/** What an address says, by name. */
export type Given = { readonly [name: string]: string | readonly string[] | undefined };

/**
 * The values of an endpoint's parameters as the texts that its query casts: held against the type and the rules of each.
 * @throws MillraceError MR_REQUEST_INVALID naming the parameter
 */
export function endpointValues(
  params: readonly NamedField[],
  given: Given,
): { [name: string]: string | null } {
  const unknown = Object.keys(given).find((name) => !params.some((param) => param.name === name));
  if (unknown !== undefined)
    throw wrong(`There is no parameter '${unknown}'. Parameters are: ${listed(params)}.`);
  return Object.fromEntries(params.map((param) => [param.name, textOf(param, given[param.name])]));
}

function textOf(param: NamedField, given: Given[string]): string | null {
  const { name, optional } = param;
  if (typeof given === 'object') throw wrong(`Parameter '${name}' is there twice.`);
  if (given === undefined) {
    if (param.default !== undefined && param.default !== null) return String(param.default);
    if (optional) return null;
    throw wrong(`Parameter '${name}' is missing: send ?${name}=….`);
  }
  const problem = valueProblem(param, nodeOf(param, given), { path: name, unknown: 'refuse' });
  if (problem) throw wrong(problem.message.replace(/^Field/, 'Parameter'));
  return given;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Long and decimal are texts in JSON too: as numbers they would be rounded. */
const NUMBERS: ReadonlySet<string> = new Set(['int', 'float', 'double']);

/** An address has texts alone: those that are a number or a boolean stand for one where one is wanted. */
function nodeOf({ type: { kind } }: NamedField, text: string): JsonNode {
  if (NUMBERS.has(kind) && NUMBER.test(text)) return { kind: 'number', text };
  if (kind === 'boolean' && (text === 'true' || text === 'false'))
    return { kind: 'boolean', value: text === 'true' };
  return { kind: 'string', value: text };
}

const listed = (params: readonly NamedField[]): string =>
  [...params.map(({ name }) => name), 'format'].join(', ');

const wrong = (message: string): MillraceError => new MillraceError('MR_REQUEST_INVALID', message);
