import { Decompress } from 'fzstd';
import { ZstdFrames } from './zstd-frames.ts';

/**
 * Inflates zstd (RFC 8878) as it arrives, a block of at most 128 KiB at a time: a few bytes may stand for one. Node 20
 * has no zstd of its own. `takeWindow` is told how much memory each frame asks for and may throw.
 * Throws on damaged input.
 */
export async function* unzstd(
  compressed: AsyncIterable<Uint8Array>,
  takeWindow: (bytes: number) => void = () => {},
): AsyncGenerator<Buffer> {
  let inflated: Buffer[] = [];
  // Each chunk has memory of its own.
  const inflater = new Decompress((chunk) =>
    inflated.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)),
  );
  const frames = new ZstdFrames(takeWindow);
  for await (const chunk of compressed) {
    for (const part of frames.parts(chunk)) {
      inflater.push(part);
      yield* inflated;
      inflated = [];
    }
  }
  inflater.push(frames.rest);
  inflater.push(new Uint8Array(0), true);
  yield* inflated;
}
