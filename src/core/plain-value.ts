/**
 * Values of rows as writers of files take them, exact: longs, unscaled decimals and microseconds as bigint, dates as days
 * since 1970, structs as the list of their parts, maps as pairs.
 */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PlainValue[]
  | readonly (readonly [PlainValue, PlainValue])[];
