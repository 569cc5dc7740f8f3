import type { ParameterValue } from '../../../src/query/statement-parameters.ts';
import { DIALECT } from './sql-language.ts';

export type Parameters = { readonly [name: string]: ParameterValue };

/** In texts, names and comments a `$` is only a character. */
const QUOTING: ReadonlySet<string> = new Set([
  'String',
  'QuotedIdentifier',
  'LineComment',
  'BlockComment',
]);
const PARAMETER = /(?<![\p{L}\p{N}_$])\$([\p{L}\p{N}_]+)(?![\p{L}\p{N}_]*\$)/gu;

/** Names of the parameters of a text, in the order they come in it. */
export function parametersIn(text: string): string[] {
  if (!text.includes('$')) return [];
  const quoted: { readonly from: number; readonly to: number }[] = [];
  DIALECT.language.parser.parse(text).iterate({
    enter: ({ name, from, to }) => {
      if (QUOTING.has(name)) quoted.push({ from, to });
    },
  });
  const names = [...text.matchAll(PARAMETER)]
    .filter(({ index }) => !quoted.some(({ from, to }) => from <= index && index < to))
    .map(([, name = '']) => name.toLowerCase());
  return [...new Set(names)];
}
