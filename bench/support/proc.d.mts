/** What test/torture asks of proc.mjs. */
export function treeOf(root: number): number[];
export function treeLargestMb(root: number): number;
