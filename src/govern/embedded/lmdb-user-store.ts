import { randomBytes } from 'node:crypto';
import type { Database, RootDatabase } from 'lmdb';
import { LIMITS } from '../../core/limits.ts';
import { committed } from '../../core/lmdb-commit.ts';
import { hashSecret } from '../key-store.ts';
import type { Session, SessionStart, User, UserChanges, UserStore } from '../user-store.ts';

interface StoredSession {
  readonly user: string;
  readonly createdMs: number;
  readonly lastUsedMs: number;
  readonly expiresMs: number;
}

/** Users and sessions in the system's LMDB environment. A session's key is the SHA-256 of its token, which has 256 random bits. */
export class LmdbUserStore implements UserStore {
  readonly #root: RootDatabase;
  readonly #users: Database<User, string>;
  readonly #sessions: Database<StoredSession, string>;
  /** User → keys of sessions. */
  readonly #sessionsOf: Database<string, string>;

  constructor(root: RootDatabase) {
    this.#root = root;
    this.#users = root.openDB<User, string>({ name: 'users', encoding: 'json' });
    this.#sessions = root.openDB<StoredSession, string>({ name: 'sessions', encoding: 'json' });
    this.#sessionsOf = root.openDB<string, string>({
      name: 'user-sessions',
      dupSort: true,
      encoding: 'ordered-binary',
    });
  }

  add(user: User): Promise<boolean> {
    return this.#write(() => {
      if (this.#users.doesExist(user.name)) return false;
      this.#users.putSync(user.name, user);
      return true;
    });
  }

  find(name: string): User | undefined {
    return this.#users.get(name);
  }

  list(): readonly User[] {
    return [...this.#users.getRange()].map(({ value }) => value);
  }

  change(name: string, { roles, passwordHash }: UserChanges): Promise<User | undefined> {
    return this.#write(() => {
      const before = this.#users.get(name);
      if (!before) return undefined;
      const user = {
        ...before,
        roles: roles ?? before.roles,
        passwordHash: passwordHash ?? before.passwordHash,
      };
      this.#users.putSync(name, user);
      this.#endAll(name);
      return user;
    });
  }

  remove(name: string): Promise<boolean> {
    return this.#write(() => {
      this.#endAll(name);
      return this.#users.removeSync(name);
    });
  }

  startSession(user: User, { nowMs, replaces }: SessionStart): Promise<string | undefined> {
    const token = randomBytes(32).toString('base64url');
    return this.#write(() => {
      if (this.#users.get(user.name)?.passwordHash !== user.passwordHash) return undefined;
      if (replaces !== undefined) this.#end(hashSecret(replaces));
      this.#makeRoom(user.name);
      const key = hashSecret(token);
      this.#sessions.putSync(key, {
        user: user.name,
        createdMs: nowMs,
        lastUsedMs: nowMs,
        expiresMs: nowMs + LIMITS.sessionAgeMaxMs,
      });
      this.#sessionsOf.putSync(user.name, key);
      return token;
    });
  }

  findSession(token: string, nowMs: number): Session | undefined {
    const session = this.#sessions.get(hashSecret(token));
    const user = session && this.#users.get(session.user);
    if (!user || nowMs >= session.expiresMs) return undefined;
    return nowMs - session.lastUsedMs < LIMITS.sessionIdleMaxMs ? { ...session, user } : undefined;
  }

  async markUsed(token: string, nowMs: number): Promise<void> {
    const key = hashSecret(token);
    await this.#write(() => {
      const session = this.#sessions.get(key);
      if (session && session.lastUsedMs < nowMs)
        this.#sessions.putSync(key, { ...session, lastUsedMs: nowMs });
    });
  }

  async endSession(token: string): Promise<void> {
    await this.#write(() => this.#end(hashSecret(token)));
  }

  #makeRoom(user: string): void {
    const lastUsedMs = (key: string) => this.#sessions.get(key)?.lastUsedMs ?? 0;
    const oldestFirst = [...this.#sessionsOf.getValues(user)].sort(
      (a, b) => lastUsedMs(a) - lastUsedMs(b),
    );
    const surplus = Math.max(0, oldestFirst.length + 1 - LIMITS.sessionsPerUserMax);
    for (const key of oldestFirst.slice(0, surplus)) this.#end(key);
  }

  #endAll(user: string): void {
    for (const key of [...this.#sessionsOf.getValues(user)]) this.#end(key);
  }

  #end(key: string): void {
    const session = this.#sessions.get(key);
    if (!session) return;
    this.#sessions.removeSync(key);
    this.#sessionsOf.removeSync(session.user, key);
  }

  /** LMDB keeps what was written before an error: `action` decides first, then writes. */
  #write<T>(action: () => T): Promise<T> {
    return committed(this.#root.transaction(action));
  }
}
