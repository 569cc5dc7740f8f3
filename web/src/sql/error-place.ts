import type { ApiError } from '../api.ts';
import type { Statement } from './statements.ts';

/** What a refused query says, and where in the editor's text. */
export interface PlacedError {
  readonly message: string;
  /** Further lines: what else there is, what to write instead. */
  readonly hint: string | undefined;
  /** Of the editor's text; undefined where the error is not about a place. */
  readonly index: number | undefined;
}

export function placedError(error: ApiError, statement: Statement): PlacedError {
  const [message = '', ...rest] = error.message.split('\n');
  const hint = rest.map((line) => line.trim()).filter((line) => line !== '');
  const position = error.details['position'];
  return {
    message,
    hint: hint.length > 0 ? hint.join('\n') : undefined,
    index: typeof position === 'number' ? statement.from + position : undefined,
  };
}

/** `line 3, character 8` */
export function placeText(text: string, index: number): string {
  const before = text.slice(0, index).split('\n');
  return `line ${before.length}, character ${(before.at(-1) ?? '').length + 1}`;
}
