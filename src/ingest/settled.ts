/**
 * What the first resolves to, once both are over: until then what they were given must not be used again. Rejects as
 * the first does, else as the second.
 */
export async function bothSettled<T>(
  first: Promise<T>,
  second: Promise<unknown> | undefined,
): Promise<T> {
  const [one, other] = await Promise.allSettled([first, second]);
  if (one.status === 'rejected') throw one.reason;
  if (other.status === 'rejected') throw other.reason;
  return one.value;
}
