/** Bytes as a wire gives them: base64 that was found right, or the bytes themselves. */
export type Blob = string | Uint8Array;

const EQUALS = 61;

export function blobLength(blob: Blob): number {
  if (typeof blob !== 'string') return blob.length;
  const { length } = blob;
  if (length === 0 || blob.charCodeAt(length - 1) !== EQUALS) return (length / 4) * 3;
  return (length / 4) * 3 - (blob.charCodeAt(length - 2) === EQUALS ? 2 : 1);
}

/** Writes the bytes to `target` and tells how many they were. */
export function writeBlob(blob: Blob, target: Buffer, at: number): number {
  if (typeof blob === 'string') return target.write(blob, at, 'base64');
  target.set(blob, at);
  return blob.length;
}

export function blobBase64(blob: Blob): string {
  if (typeof blob === 'string') return blob;
  return Buffer.from(blob.buffer, blob.byteOffset, blob.length).toString('base64');
}
