import { useState } from 'react';
import { parameterValue } from '../../../src/query/parameter-text.ts';
import { type Parameters, parametersIn } from './parameters.ts';

export interface TypedParameters {
  /** Of the text in the editor. */
  readonly names: readonly string[];
  /** As they were typed, by name. */
  readonly texts: ReadonlyMap<string, string>;
  type(name: string, text: string): void;
  /** Tells of another text in the editor. */
  look(sql: string): void;
  /** Values of those of a statement that have one: of the others the server says that they are missing. */
  of(sql: string): Parameters;
}

export function useParameters(): TypedParameters {
  const [names, setNames] = useState<readonly string[]>([]);
  const [texts, setTexts] = useState<ReadonlyMap<string, string>>(new Map());
  return {
    names,
    texts,
    type: (name, text) => setTexts(new Map(texts).set(name, text)),
    look: (sql) => {
      const found = parametersIn(sql);
      setNames((before) => (before.join() === found.join() ? before : found));
    },
    of: (sql) => {
      const given = parametersIn(sql).flatMap((name) => {
        const text = texts.get(name) ?? '';
        return text === '' ? [] : [[name, parameterValue(text)] as const];
      });
      return Object.fromEntries(given);
    },
  };
}
