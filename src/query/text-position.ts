/**
 * Places in a text as people, editors and JavaScript count them, in UTF-16 units. The engine's binder
 * counts bytes of UTF-8, its parser code points. Undefined where the place is not in the text.
 */
export function fromBytes(text: string, byte: number): number | undefined {
  const bytes = Buffer.from(text);
  if (!Number.isSafeInteger(byte) || byte < 0 || byte > bytes.length) return undefined;
  return bytes.subarray(0, byte).toString().length;
}

export function fromCodePoints(text: string, place: number): number | undefined {
  const points = [...text];
  if (!Number.isSafeInteger(place) || place < 0 || place > points.length) return undefined;
  return points.slice(0, place).join('').length;
}
