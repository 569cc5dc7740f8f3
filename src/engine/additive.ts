type Tree = { readonly [key: string]: unknown };

const SUMS: ReadonlySet<string> = new Set(['sum', 'count', 'count_star', 'count_if', 'countif']);
/** What of a sum is a sum still where everything but the first argument is a constant. */
const SCALED: ReadonlySet<string> = new Set(['*', '/', 'round', 'coalesce']);

/**
 * Whether the value over all rows is the sum of the values over any parts of them, so that a part can be
 * said to be a share of the whole: sums and counts, their sums and differences, and multiples of them.
 * @param tree an expression as `json_serialize_sql` gives it
 */
export function isAdditive(tree: unknown): boolean {
  if (typeof tree !== 'object' || tree === null) return false;
  const node = tree as Tree;
  const children = (node['children'] ?? []) as readonly unknown[];
  if (node['class'] === 'CAST') return isAdditive(node['child']);
  if (node['type'] === 'OPERATOR_COALESCE') return isMultiple(children);
  if (node['class'] !== 'FUNCTION') return false;
  const name = String(node['function_name']).toLowerCase();
  if (SUMS.has(name)) return node['distinct'] !== true;
  if (name === '+' || name === '-') return children.every(isAdditive);
  if (name === '*' && isConstant(children[0])) return isMultiple([...children].reverse());
  return SCALED.has(name) && isMultiple(children);
}

const isMultiple = ([first, ...others]: readonly unknown[]): boolean =>
  isAdditive(first) && others.every(isConstant);

function isConstant(tree: unknown): boolean {
  const node = (tree ?? {}) as Tree;
  if (node['class'] === 'CAST') return isConstant(node['child']);
  return node['class'] === 'CONSTANT';
}
