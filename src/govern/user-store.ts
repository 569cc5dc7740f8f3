import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Role } from './key-store.ts';

/**
 * People who log in, and their sessions.
 *
 * Contract (each number has a test of that name in test/conformance/user-store.ts):
 * U1  What a call wrote is on disk when it resolves.
 * U2  Of two that add one name at once, one adds it and the other is told.
 * U3  A session is found by its token until it is too old, idle for too long, or ended. The token is stored nowhere.
 * U4  Removing a user, and changing roles or password, ends all sessions of the user in the same transaction.
 * U5  A session starts only for the user that the caller has seen: not once it is removed or has another password.
 * U6  A session takes the place of the one it replaces in the same transaction, and has a token of its own.
 * U7  What has ended stays so: the use of a session is not written after its end.
 * U8  A user has at most `sessionsPerUserMax` sessions; one more ends the one that was not used for longest.
 */
export interface UserStore {
  /** False where the name is taken. */
  add(user: User): Promise<boolean>;
  find(name: string): User | undefined;
  /** By name. */
  list(): readonly User[];
  /** The user as it is now; undefined where there is none. */
  change(name: string, changes: UserChanges): Promise<User | undefined>;
  /** False where there is none. */
  remove(name: string): Promise<boolean>;
  /** The token of a new session; undefined where the user is not what it was. */
  startSession(user: User, start: SessionStart): Promise<string | undefined>;
  findSession(token: string, nowMs: number): Session | undefined;
  markUsed(token: string, nowMs: number): Promise<void>;
  endSession(token: string): Promise<void>;
}

export interface User {
  /** As `normalUserName` gives it. */
  readonly name: string;
  readonly roles: readonly Role[];
  readonly passwordHash: string;
  readonly createdMs: number;
}

export interface UserChanges {
  readonly roles?: readonly Role[] | undefined;
  readonly passwordHash?: string | undefined;
}

export interface SessionStart {
  readonly nowMs: number;
  /** Token of the session that ends with this start. */
  readonly replaces?: string | undefined;
}

export interface Session {
  readonly user: User;
  readonly createdMs: number;
  readonly lastUsedMs: number;
  readonly expiresMs: number;
}

/** A name is one user whatever its case, outer spaces and Unicode form. @throws MillraceError MR_REQUEST_INVALID */
export function normalUserName(text: string): string {
  const name = text.normalize('NFKC').trim().toLowerCase();
  if (
    name.length <= LIMITS.userNameCharactersMax &&
    /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u.test(name)
  )
    return name;
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `${JSON.stringify(text.slice(0, 40))} is no name of a user. It is an e-mail address or a plain name: letters, digits and . _ @ + -, at most ${LIMITS.userNameCharactersMax} characters.`,
  );
}
