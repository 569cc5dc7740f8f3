import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of the test's own, removed when it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  onTestFinished(() => removePatiently(folder));
  return folder;
}

const REMOVE_TRIES = 50;

/** Children of a killed pipeline end a moment after it, and may write until then. */
async function removePatiently(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (attempt === REMOVE_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Real public data, where this machine has it. */
export const SHARED_DATA: string =
  process.env['MILLRACE_SHARED_DATA'] ?? new URL('../../../shared/data', import.meta.url).pathname;
