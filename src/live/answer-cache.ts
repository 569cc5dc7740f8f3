import type { DashboardAnswer } from '../dashboard/answer.ts';

/** Screens that are looked at by turns; each takes some hundred kilobytes. */
const ANSWERS_MAX = 64;

/** The last answers, given again while what they show is as it was. What was used least lately goes first. */
export class AnswerCache {
  readonly #answers = new Map<
    string,
    { readonly basis: string; readonly answer: DashboardAnswer }
  >();

  find(question: string, basis: string): DashboardAnswer | undefined {
    const kept = this.#answers.get(question);
    if (kept?.basis !== basis) return undefined;
    this.#answers.delete(question);
    this.#answers.set(question, kept);
    return kept.answer;
  }

  /** What failed may succeed the next time: an answer with a failed part is not kept. */
  keep(question: string, basis: string, answer: DashboardAnswer): void {
    if (Object.values(answer.charts).some(({ kind }) => kind === 'failed')) return;
    this.#answers.delete(question);
    this.#answers.set(question, { basis, answer });
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > ANSWERS_MAX && oldest !== undefined) this.#answers.delete(oldest);
  }

  clear(): void {
    this.#answers.clear();
  }
}
