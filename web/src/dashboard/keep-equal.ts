import type { DashboardAnswer } from '../../../src/dashboard/answer.ts';

/** The answer with those charts and choices of the one before that are equal: what is the same object is not drawn again. */
export function keepEqual(
  answer: DashboardAnswer,
  before: DashboardAnswer | undefined,
): DashboardAnswer {
  if (!before) return answer;
  return {
    ...answer,
    charts: keepMembers(answer.charts, before.charts),
    choices: keepMembers(answer.choices, before.choices),
  };
}

function keepMembers<T>(
  now: { readonly [name: string]: T },
  before: { readonly [name: string]: T },
): { readonly [name: string]: T } {
  return Object.fromEntries(
    Object.entries(now).map(([name, one]) => {
      const last = before[name];
      return [
        name,
        last !== undefined && JSON.stringify(last) === JSON.stringify(one) ? last : one,
      ];
    }),
  );
}
