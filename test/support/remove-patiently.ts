import { rmSync } from 'node:fs';

const TRIES = 100;

/** Children of a killed server end a moment after it, and may write until then. */
export async function removePatiently(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
