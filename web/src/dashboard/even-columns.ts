/** How many of `count` things stand in a line where `fitting` would fit, so that the lines are as even as can be. */
export function evenColumns(count: number, fitting: number): number {
  return Math.ceil(count / Math.ceil(count / Math.max(1, fitting)));
}
