import { LIMITS } from '../core/limits.ts';

/** The prefix makes browsers refuse it from other hosts of the domain, from scripts' hands, and without Secure. */
export const SESSION_COOKIE = '__Host-millrace';

/** Strict: no page of another site makes a browser send it. Our page is files; what it then fetches is same-site. */
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';

export function sessionToken(header: string | undefined): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim());
  const mine = pairs.find((pair) => pair.startsWith(`${SESSION_COOKIE}=`));
  return mine?.slice(SESSION_COOKIE.length + 1) || undefined;
}

export function sessionCookie(token: string): string {
  return `${SESSION_COOKIE}=${token}; ${ATTRIBUTES}; Max-Age=${LIMITS.sessionAgeMaxMs / 1000}`;
}

/** Makes the browser forget it. */
export const NO_SESSION_COOKIE = `${SESSION_COOKIE}=; ${ATTRIBUTES}; Max-Age=0`;
