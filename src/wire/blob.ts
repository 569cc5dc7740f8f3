/** Bytes as a wire gives them: base64 that was found right, or the bytes themselves. */
export type Blob = string | Uint8Array;

export function blobLength(blob: Blob): number {
  if (typeof blob !== 'string') return blob.length;
  const padding = blob.endsWith('==') ? 2 : blob.endsWith('=') ? 1 : 0;
  return (blob.length / 4) * 3 - padding;
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
