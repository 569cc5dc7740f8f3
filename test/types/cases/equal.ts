/** Exact equality of two types: `any` equals nothing else, optional is not `| undefined`. */
export type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where the type is `true`. */
export type Holds<T extends true> = T;
