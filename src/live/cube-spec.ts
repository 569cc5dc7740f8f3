import { alignedGrain, parseTime } from '../core/time-grain.ts';
import {
  type Constraint,
  type Dim,
  dimKey,
  dimOf,
  dimServes,
  type TimeRange,
} from './constraint.ts';

/** Aggregates of one source kept by some columns, of the rows that meet some conditions. */
export interface CubeSpec {
  readonly dims: readonly Dim[];
  readonly where: readonly Constraint[];
}

/** What a chart asks of its source. */
export interface CubeNeed {
  readonly dims: readonly Dim[];
  readonly constraints: readonly Constraint[];
}

/** The column of a cube that holds a dimension; no name of a user's column has a colon. */
export const cubeColumn = (dim: Dim): string => `by:${dimKey(dim)}`;

export function cubeKey({ dims, where }: CubeSpec): string {
  return JSON.stringify([dims.map(dimKey).sort(), where.map((one) => JSON.stringify(one)).sort()]);
}

/**
 * The conditions that are left to apply on the cube's groups, or undefined where the cube cannot answer:
 * it must hold every row wanted, and group by everything asked about.
 */
export function servesNeed(spec: CubeSpec, need: CubeNeed): Constraint[] | undefined {
  const left: Constraint[] = [...need.constraints];
  for (const condition of spec.where) {
    const text = JSON.stringify(condition);
    const same = left.findIndex((one) => JSON.stringify(one) === text);
    if (same >= 0) left.splice(same, 1);
    else if (!left.some((one) => isWithin(one, condition))) return undefined;
  }
  const wanted = [...need.dims, ...left.map(dimOf)];
  const isServed = wanted.every((dim) => spec.dims.some((have) => dimServes(have, dim)));
  return isServed ? left : undefined;
}

/** Whether all that `inner` lets through `outer` does: told of spans of whole minutes alone. */
function isWithin(inner: Constraint, outer: Constraint): boolean {
  if (!('range' in inner) || !('range' in outer) || inner.field !== outer.field) return false;
  const [one, other] = [minutesOf(inner.range), minutesOf(outer.range)];
  return (
    one !== undefined && other !== undefined && one.from >= other.from && one.until <= other.until
  );
}

function minutesOf({
  from,
  until,
  closed,
}: TimeRange): { from: number; until: number } | undefined {
  const ends = until === undefined ? [from] : [from, until];
  if (closed || ends.map(alignedGrain).includes(undefined)) return undefined;
  return { from: parseTime(from), until: until === undefined ? Infinity : parseTime(until) };
}

/**
 * The cube that answers this need for every value of the `active` field: a moving brush changes only
 * conditions on that field.
 */
export function narrowSpec(need: CubeNeed, active: string | undefined): CubeSpec {
  const field = active ?? need.constraints.at(-1)?.field;
  const moving = need.constraints.filter((one) => one.field === field);
  return {
    dims: uniqueDims([...need.dims, ...moving.map(dimOf)]),
    where: need.constraints.filter((one) => one.field !== field),
  };
}

/** Without those that a finer one among them serves. */
export function uniqueDims(dims: readonly Dim[]): Dim[] {
  const byKey = [...new Map(dims.map((dim) => [dimKey(dim), dim])).values()];
  return byKey.filter((dim) => !byKey.some((other) => other !== dim && dimServes(other, dim)));
}
