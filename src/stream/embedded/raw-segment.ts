/** A closed segment in a raw zone. */
export interface RawSegment {
  readonly place: string;
  /** What its objects are called, but for their endings. */
  readonly name: string;
  readonly firstSequence: number;
  /** Where the segment behind it begins. */
  readonly nextSequence: number;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  /** Of the records, before they were packed. */
  readonly dataBytes: number;
  /** Of their partition keys; undefined where producers gave none. */
  readonly keysBytes?: number;
}

export const RAW_DATA = '.ndjson.zst';
export const RAW_INDEX = '.idx';
export const RAW_KEYS = '.keys.zst';
