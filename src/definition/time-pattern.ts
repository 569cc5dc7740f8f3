/**
 * Times as text by the patterns of Java's DateTimeFormatter, which prefixes of Firehose are written with. In UTC, and in
 * English where it is words. Letters whose meaning depends on a country (weeks) are refused.
 */
export type TimePart =
  | { readonly text: string }
  | { readonly letter: string; readonly count: number };

export interface TimePattern {
  readonly parts: readonly TimePart[];
}

/** The parts of a pattern, or what is wrong with it. */
export function parseTimePattern(pattern: string): TimePattern | { readonly problem: string } {
  if (pattern === '') return { problem: 'it is empty' };
  const parts: TimePart[] = [];
  for (const [run, quoted] of pattern.matchAll(/'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'/g)) {
    if (run === "'") return { problem: "it has a ' without its second one" };
    if (quoted !== undefined) {
      // Two of them are one of them, in quoted text and outside it.
      parts.push({ text: quoted === '' ? "'" : quoted.replaceAll("''", "'") });
    } else if (/[A-Za-z]/.test(run)) {
      const problem = letterProblem(run);
      if (problem !== undefined) return { problem };
      parts.push({ letter: run[0] as string, count: run.length });
    } else if (/[[\]{}#]/.test(run)) {
      return { problem: `${JSON.stringify(run)} stands in it unquoted; write '${run}'` };
    } else parts.push({ text: run });
  }
  return { parts };
}

function letterProblem(run: string): string | undefined {
  const [letter = ''] = run;
  if (letter === 'Y')
    return `${run} is the year of a week, another one around New Year; write yyyy`;
  if (/[wWec]/.test(letter)) return `${run} depends on where weeks begin; use days, d or D`;
  const most = COUNT_MAX[letter];
  if (most === undefined)
    return `${run} is no part of a time; text is written in quotes, '${run}'. Letters are: ${Object.keys(COUNT_MAX).join(', ')}`;
  return run.length > most ? `${run} has more than ${most} of its letter` : undefined;
}

const COUNT_MAX: { readonly [letter: string]: number } = {
  ...{ y: 9, u: 9, G: 3, Q: 3, q: 3, M: 4, L: 4, d: 2, D: 3, E: 4, a: 1 },
  ...{ H: 2, h: 2, K: 2, k: 2, m: 2, s: 2, S: 9, A: 9, n: 9, N: 15, X: 5, x: 3, Z: 3, z: 3 },
};

const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September'],
  ...['October', 'November', 'December'],
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const DAY_MS = 86_400_000;

export function renderTime({ parts }: TimePattern, atMs: number): string {
  const at = new Date(atMs);
  return parts
    .map((part) => ('text' in part ? part.text : letterText(part.letter, part.count, at)))
    .join('');
}

function letterText(letter: string, count: number, at: Date): string {
  const number = NUMBERS[letter]?.(at);
  if (number !== undefined) return String(number).padStart(count, '0');
  const year = at.getUTCFullYear();
  const month = at.getUTCMonth();
  const quarter = Math.floor(month / 3) + 1;
  switch (letter) {
    case 'y':
    case 'u':
      return count === 2 ? padded(year % 100, 2) : padded(year, count);
    case 'M':
    case 'L':
      return count < 3 ? padded(month + 1, count) : named(MONTHS[month], count);
    case 'Q':
    case 'q':
      return count < 3 ? padded(quarter, count) : `Q${quarter}`;
    case 'E':
      return named(DAYS[at.getUTCDay()], count);
    case 'a':
      return at.getUTCHours() < 12 ? 'AM' : 'PM';
    case 'G':
      return 'AD';
    case 'S':
      return padded(at.getUTCMilliseconds(), 3).padEnd(count, '0').slice(0, count);
    case 'x':
      return ['+00', '+0000', '+00:00'][count - 1] as string;
    case 'Z':
      return '+0000';
    case 'z':
      return 'UTC';
    default:
      return 'Z';
  }
}

const sinceMidnight = (at: Date): number => at.getTime() % DAY_MS;

/** Written with at least as many digits as the pattern has letters. */
const NUMBERS: { readonly [letter: string]: (at: Date) => number } = {
  d: (at) => at.getUTCDate(),
  D: (at) => Math.floor((at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / DAY_MS) + 1,
  H: (at) => at.getUTCHours(),
  k: (at) => at.getUTCHours() || 24,
  K: (at) => at.getUTCHours() % 12,
  h: (at) => at.getUTCHours() % 12 || 12,
  m: (at) => at.getUTCMinutes(),
  s: (at) => at.getUTCSeconds(),
  A: sinceMidnight,
  n: (at) => at.getUTCMilliseconds() * 1_000_000,
  N: (at) => sinceMidnight(at) * 1_000_000,
};

const padded = (value: number, digits: number): string => String(value).padStart(digits, '0');

const named = (name: string | undefined, count: number): string =>
  (name ?? '').slice(0, count < 4 ? 3 : undefined);
