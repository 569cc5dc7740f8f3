import { invalidDefinition } from '../definition/invalid.ts';
import type { SourceLocation } from '../definition/location.ts';

interface HasInputs {
  readonly name: string;
  readonly inputs: readonly string[];
}

/**
 * The nodes so that each comes after those it reads; names that are not nodes are ignored.
 * @throws MillraceError MR_DEFINITION_INVALID naming the cycle.
 */
export function orderByInputs<N extends HasInputs>(
  nodes: readonly N[],
  locations: ReadonlyMap<string, SourceLocation>,
): N[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const ordered = new Set<N>();
  const visit = (node: N, path: readonly string[]): void => {
    if (ordered.has(node)) return;
    if (path.includes(node.name)) {
      const cycle = [...path.slice(path.indexOf(node.name)), node.name];
      throw invalidDefinition(
        `model('${node.name}')`,
        cycle.length === 2
          ? 'it reads itself: its query names its own result. Read what that is made of instead.'
          : `models read each other in a circle: ${cycle.join(' → ')}. Break it at one of them.`,
        locations.get(node.name),
      );
    }
    for (const input of node.inputs) {
      const found = byName.get(input);
      if (found) visit(found, [...path, node.name]);
    }
    ordered.add(node);
  };
  for (const node of nodes) visit(node, []);
  return [...ordered];
}
