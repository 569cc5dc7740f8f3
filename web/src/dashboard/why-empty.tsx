import type { Chart } from '../../../src/definition/chart.ts';
import { usePlan } from '../plan.tsx';
import { emptyWords } from './empty.ts';
import { useView } from './view.ts';

export function WhyEmpty({ chart }: { chart: Chart }) {
  const { answer, state } = useView();
  return emptyWords(chart, { plan: usePlan().data, answer, state });
}
