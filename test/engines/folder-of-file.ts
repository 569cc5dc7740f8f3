import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { removePatiently } from '../support/remove-patiently.ts';

/** A folder for all tests of a file; call it before other hooks, so that it outlives them. */
export function folderOfFile(): () => string {
  let folder: string | undefined;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  });
  afterAll(() => removePatiently(folder as string));
  return () => folder as string;
}
