import { Decompress } from 'fzstd';

/** What comes out of one step is held in memory at once, so steps are small. */
const STEP_BYTES = 16 * 1024;

/** Inflates zstd (RFC 8878) as it arrives. Node 20 has no zstd of its own. Throws on damaged input. */
export async function* unzstd(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let inflated: Buffer[] = [];
  const inflater = new Decompress((chunk) => inflated.push(Buffer.from(chunk)));
  for await (const chunk of compressed) {
    for (let at = 0; at < chunk.length; at += STEP_BYTES) {
      inflater.push(chunk.subarray(at, at + STEP_BYTES));
      yield* inflated;
      inflated = [];
    }
  }
  inflater.push(new Uint8Array(0), true);
  yield* inflated;
}
