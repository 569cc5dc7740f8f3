/** A field that rows of a file are sorted by. */
export interface Sort<Name extends string = string> {
  readonly field: Name;
  readonly direction: 'asc' | 'desc';
}

/** From the highest value down, nulls last; a field's name alone sorts upwards, nulls first. */
export const desc = <const Name extends string>(field: Name): Sort<Name> =>
  Object.freeze({ field, direction: 'desc' });
