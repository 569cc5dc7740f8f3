/** The part of the standard that @types/node leaves to the DOM library. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
};

const PAGE_BYTES = 65_536;

/**
 * Memory whose address is a multiple of the page size, as O_DIRECT wants. A WebAssembly memory is the
 * only one JavaScript can have so; it is never grown, since growing detaches its views.
 */
export function alignedBuffer(bytes: number): Buffer {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
  return Buffer.from(memory.buffer, 0, Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES);
}
