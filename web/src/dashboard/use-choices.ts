import { useEffect, useState } from 'react';
import type { Choice, DashboardAnswer } from '../../../src/dashboard/answer.ts';
import { api } from '../api.ts';
import { asApiError } from '../resource.ts';
import { useView } from './view.ts';

const TYPING_MS = 150;
const NONE: readonly Choice[] = [];

interface Found {
  readonly words: string;
  readonly choices: readonly Choice[];
  readonly count: number;
  readonly error?: string;
}

/** The choices of a field that may have the words: where not all are listed, the server is asked for them. */
export function useChoices(field: string, words: string) {
  const { name, answer, state } = useView();
  const listed = answer?.choices[field] ?? NONE;
  const count = answer?.choiceCounts[field] ?? 0;
  const wanted = count > listed.length ? words.trim() : '';
  const [found, setFound] = useState<Found>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another answer is of other rows
  useEffect(() => {
    if (wanted === '') return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      findChoices({ name, state, field, words: wanted }, stop.signal).then(setFound, (error) => {
        if (stop.signal.aborted) return;
        const { message } = asApiError(error);
        setFound({ words: wanted, choices: NONE, count: 0, error: message });
      });
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [name, field, wanted, state, answer]);
  const known = { total: count, error: undefined, isAsking: false };
  if (wanted === '') return { ...known, choices: listed, left: count - listed.length };
  // Until the answer is there, those of the list are a beginning.
  if (found?.words !== wanted) return { ...known, choices: listed, left: 0, isAsking: true };
  const { choices, error } = found;
  return { ...known, choices, left: found.count - choices.length, error };
}

interface Asked {
  readonly name: string;
  readonly state: object;
  readonly field: string;
  readonly words: string;
}

async function findChoices(
  { name, state, field, words }: Asked,
  signal: AbortSignal,
): Promise<Found> {
  const body = { state: { ...state, tabs: {} }, charts: [], find: { [field]: words } };
  const path = `/v1/dashboards/${encodeURIComponent(name)}/answers`;
  const answer = await api<DashboardAnswer>(path, { method: 'POST', body, signal });
  return {
    words,
    choices: answer.choices[field] ?? NONE,
    count: answer.choiceCounts[field] ?? 0,
  };
}
