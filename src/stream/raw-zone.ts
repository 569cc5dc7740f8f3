/**
 * Where closed segments are kept beyond their retention: named objects, in a folder or a bucket.
 *
 * Contract (each number has a test of that name in test/conformance/raw-zone.ts):
 * Z1  Once `put` resolves the object has all bytes of the file, also after a power cut; until then it has
 *     those of before, or there is none. To put the same once more changes nothing.
 * Z2  `get` leaves the object's bytes in the file, or no file: it resolves with false where there is no such object.
 * Z3  `remove` of what is not there is no error.
 * @throws MillraceError MR_RAW_UNAVAILABLE where the place cannot be reached, written or read, with the reason
 */
export interface RawZone {
  /** For people: the folder, or `s3://bucket/prefix`. */
  readonly place: string;
  /** Stores a local file. `name` has parts of letters, digits, `-`, `_` and `.`, with `/` between them. */
  put(name: string, file: string, signal?: AbortSignal): Promise<void>;
  get(name: string, file: string, signal?: AbortSignal): Promise<boolean>;
  remove(name: string): Promise<void>;
}
