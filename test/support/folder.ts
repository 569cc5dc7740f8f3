import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { removePatiently } from './remove-patiently.ts';

/** A folder of the test's own, removed when it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  onTestFinished(() => removePatiently(folder));
  return folder;
}

/** Real public data, where this machine has it. */
export const SHARED_DATA: string =
  process.env['MILLRACE_SHARED_DATA'] ?? new URL('../../../shared/data', import.meta.url).pathname;
