import { MillraceError } from '../core/errors.ts';

export type ParameterValue = string | number | boolean | null;
/** Values by place or by name. */
export type Parameters = readonly ParameterValue[] | { readonly [name: string]: ParameterValue };

interface Statement {
  readonly named_param_map?: readonly { readonly key: string }[];
}

/**
 * Holds the values of a query against the parameters of its statement, which `tree` (what
 * json_serialize_sql answered) lists.
 * @throws MillraceError MR_QUERY_FAILED naming those that are missing or not in the statement.
 */
export function checkParameters(tree: unknown, params: Parameters): void {
  const [statement] = (tree as { readonly statements: readonly Statement[] }).statements;
  const wanted = (statement?.named_param_map ?? []).map(({ key }) => key).sort(byPlace);
  const given = Array.isArray(params)
    ? params.map((_, index) => String(index + 1))
    : Object.keys(params);
  const missing = without(wanted, given);
  const unused = without(given, wanted);
  if (missing.length + unused.length === 0) return;
  const parts = [
    wanted.length === 0
      ? 'The statement has no parameters'
      : `The statement has the parameters ${listed(wanted)}`,
    ...(missing.length > 0 ? [`not provided in \`params\`: ${listed(missing)}`] : []),
    ...(unused.length > 0 ? [`\`params\` has too many: ${listed(unused)}`] : []),
  ];
  const isNamed = Array.isArray(params) && missing.some((name) => !/^\d+$/.test(name));
  const hint = isNamed ? ' Send named ones as an object: {"params": {"name": …}}.' : '';
  throw new MillraceError('MR_QUERY_FAILED', `${parts.join('; ')}.${hint}`);
}

const byPlace = (one: string, other: string): number =>
  one.localeCompare(other, 'en', { numeric: true });

const listed = (names: readonly string[]): string => names.map((name) => `$${name}`).join(', ');

/** Names of parameters are names of SQL: case does not matter. */
function without(names: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others.map((name) => name.toLowerCase()));
  return names.filter((name) => !known.has(name.toLowerCase()));
}
