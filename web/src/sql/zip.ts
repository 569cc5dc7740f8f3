import { type Zippable, zipSync as zipNow } from 'fflate/browser';

/**
 * What `write-excel-file` takes from fflate, without fflate's workers: those are made of texts, which the page's policy
 * forbids. `vite.config.ts` puts it in fflate's place.
 */
export function zip(
  files: Zippable,
  done: (error: Error | null, archive?: Uint8Array) => void,
): void {
  try {
    done(null, zipNow(files));
  } catch (error) {
    done(error as Error);
  }
}

export function zipSync(files: Zippable): Uint8Array {
  return zipNow(files);
}

export function strToU8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
