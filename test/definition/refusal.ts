import { expect } from 'vitest';
import { MillraceError } from '../../src/index.ts';

/** The error of a definition that must be refused. */
export function refusal(make: () => unknown): MillraceError {
  try {
    make();
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw new Error(`not a MillraceError: ${String(error)}`, { cause: error });
  }
  throw new Error('it was not refused');
}

/** Holds that a wrong definition is refused in words that name file, line, definition and the way out. */
export function expectRefused(
  file: string,
  make: () => unknown,
  definition: string,
  says: RegExp,
): void {
  const error = refusal(make);
  expect(error.code).toBe('MR_DEFINITION_INVALID');
  expect(error.message).toMatch(/^\/.+:\d+: /);
  expect(error.message, 'file').toContain(`${file}:`);
  expect(error.message, 'definition').toContain(definition);
  expect(error.message, 'what to do').toMatch(says);
  expect(error.details).toMatchObject({
    definition: expect.any(String),
    file: expect.stringContaining(file),
    line: expect.any(Number),
  });
}

/** A caller without types: any value goes anywhere. */
export function untyped<T = never>(value: unknown): T {
  return value as T;
}
