import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import type { Role } from './key-store.ts';
import { LoginAttempts } from './login-attempts.ts';
import { Passwords } from './passwords.ts';
import { normalUserName, type User, type UserStore } from './user-store.ts';

export interface LoginRequest {
  readonly name: string;
  readonly password: string;
  /** Where it comes from, for the count of failures. */
  readonly address: string;
  /** Token of the browser's session before; it ends with the login. */
  readonly replaces?: string | undefined;
}

export interface LoggedIn {
  /** The session's secret; it goes to the browser and nowhere else. */
  readonly token: string;
  readonly user: User;
}

export interface LoginsOptions {
  readonly users: UserStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly passwords?: Passwords;
}

/** Users, and how they log in. */
export class Logins {
  readonly #users: UserStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #passwords: Passwords;
  readonly #attempts: LoginAttempts;

  constructor({ users, clock, logger, passwords = new Passwords() }: LoginsOptions) {
    this.#users = users;
    this.#clock = clock;
    this.#logger = logger;
    this.#passwords = passwords;
    this.#attempts = new LoginAttempts(clock);
  }

  /** @throws MillraceError MR_ACCESS_LOGIN, MR_ACCESS_THROTTLED, MR_OVERLOADED, MR_REQUEST_INVALID */
  async login({ name, password, address, replaces }: LoginRequest): Promise<LoggedIn> {
    const known = normalUserName(name);
    const attempt = this.#attempts.begin(known, address);
    const user = this.#users.find(known);
    let matches: boolean;
    try {
      matches = await this.#passwords.matches(password, user?.passwordHash);
    } catch (error) {
      attempt.withdrawn();
      throw error;
    }
    if (!user || !matches) {
      // A name that nobody has may be a password in the wrong field.
      this.#logger.info({ user: user?.name ?? null, address }, 'a login failed');
      throw wrongLogin();
    }
    attempt.passed();
    return this.#start(user, replaces);
  }

  /** The first user, who has shown the claim token and so need not show the password again. */
  async claim({ name, password, replaces }: Omit<LoginRequest, 'address'>): Promise<LoggedIn> {
    return this.#start(await this.add({ name, password, roles: ['admin'] }), replaces);
  }

  /** The user of a session that has not ended. */
  user(token: string): User | undefined {
    const nowMs = this.#clock.now();
    const session = this.#users.findSession(token, nowMs);
    if (session && nowMs - session.lastUsedMs >= LIMITS.sessionUseIntervalMs)
      this.#users
        .markUsed(token, nowMs)
        .catch((error: Error) =>
          this.#logger.warn(
            { user: session.user.name, error: error.message },
            'the use of a session could not be written; it may end as idle',
          ),
        );
    return session?.user;
  }

  logout(token: string): Promise<void> {
    return this.#users.endSession(token);
  }

  list(): readonly User[] {
    return this.#users.list();
  }

  /** @throws MillraceError MR_ACCESS_USER_EXISTS, MR_REQUEST_INVALID, MR_OVERLOADED */
  async add({
    name,
    password,
    roles,
  }: {
    name: string;
    password: string;
    roles: readonly Role[];
  }): Promise<User> {
    const known = normalUserName(name);
    if (this.#users.find(known)) throw taken(known);
    const passwordHash = await this.#passwords.hash(password);
    const user = { name: known, roles, passwordHash, createdMs: this.#clock.now() };
    if (!(await this.#users.add(user))) throw taken(known);
    return user;
  }

  /** Ends the user's sessions. @throws MillraceError MR_REQUEST_NOT_FOUND, MR_REQUEST_INVALID, MR_OVERLOADED */
  async change(
    name: string,
    { roles, password }: { roles?: readonly Role[] | undefined; password?: string | undefined },
  ): Promise<User> {
    const known = normalUserName(name);
    if (!this.#users.find(known)) throw unknown(known);
    const passwordHash = password === undefined ? undefined : await this.#passwords.hash(password);
    const user = await this.#users.change(known, { roles, passwordHash });
    if (!user) throw unknown(known);
    return user;
  }

  /** Ends the user's sessions. @throws MillraceError MR_REQUEST_NOT_FOUND */
  async remove(name: string): Promise<string> {
    const known = normalUserName(name);
    if (!(await this.#users.remove(known))) throw unknown(known);
    return known;
  }

  async #start(user: User, replaces: string | undefined): Promise<LoggedIn> {
    const token = await this.#users.startSession(user, { nowMs: this.#clock.now(), replaces });
    if (token === undefined) throw wrongLogin();
    return { token, user };
  }
}

const wrongLogin = (): MillraceError =>
  new MillraceError('MR_ACCESS_LOGIN', 'Name or password is wrong.');

const taken = (name: string): MillraceError =>
  new MillraceError(
    'MR_ACCESS_USER_EXISTS',
    `There is a user '${name}' already. Change it with \`millrace users change ${name}\`, or use another name.`,
  );

const unknown = (name: string): MillraceError =>
  new MillraceError(
    'MR_REQUEST_NOT_FOUND',
    `There is no user '${name}'. \`millrace users list\` shows all.`,
  );
