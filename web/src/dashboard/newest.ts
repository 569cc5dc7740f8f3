import type { DataVersion } from '../../../src/dashboard/answer.ts';
import { itemsOf } from '../../../src/definition/dashboard-items.ts';
import type { DashboardPlan, Plan } from '../../../src/plan/plan.ts';

/** When the newest record came to a stream that a dashboard shows, itself or through models; null before the first. */
export function newestOf(
  { items }: DashboardPlan,
  plan: Plan,
  { newestMs }: DataVersion,
): number | null {
  const streams = new Set<string>();
  const visit = (name: string): void => {
    const model = plan.models.find((one) => one.name === name);
    if (!model) streams.add(name);
    else for (const input of model.inputs) visit(input);
  };
  for (const item of itemsOf(items)) if ('from' in item) visit(item.from);
  const times = [...streams].map((name) => newestMs[name] ?? 0);
  return Math.max(0, ...times) || null;
}
