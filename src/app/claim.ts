import { randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { AccessKey, KeyStore } from '../govern/key-store.ts';
import type { User, UserStore } from '../govern/user-store.ts';

interface Accounts {
  readonly keys: KeyStore;
  readonly users: UserStore;
}

/** The one-time token of the first start: whoever can read the console or the folder becomes administrator. */
export class Claim {
  readonly #path: string;
  readonly #accounts: Accounts;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(folder: string, accounts: Accounts) {
    this.#path = join(folder, 'claim-token');
    this.#accounts = accounts;
  }

  /** Whether nobody is administrator yet. */
  get isOpen(): boolean {
    const { keys, users } = this.#accounts;
    return ![...keys.list(), ...users.list()].some(isAdmin);
  }

  /** The token while there is no administrator; made at the first start. */
  async token(): Promise<string | undefined> {
    if (!this.isOpen) return undefined;
    if (!existsSync(this.#path))
      await writeFile(this.#path, `${randomBytes(24).toString('base64url')}\n`, {
        mode: 0o600,
        flag: 'wx',
      });
    return (await readFile(this.#path, 'utf8')).trim();
  }

  /**
   * Does what makes an administrator, for who has the token. Where that fails the token stays good.
   * @throws MillraceError MR_ACCESS_CLAIMED, MR_ACCESS_DENIED
   */
  use<T>(token: string, makeAdmin: () => Promise<T>): Promise<T> {
    // One after the other: of two that come at once, the second finds an administrator.
    const turn = this.#turn.then(() => this.#use(token, makeAdmin));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #use<T>(token: string, makeAdmin: () => Promise<T>): Promise<T> {
    const expected = await this.token();
    if (expected === undefined)
      throw new MillraceError(
        'MR_ACCESS_CLAIMED',
        'The claim token was used already. Ask an administrator for a key or a user.',
      );
    const [given, wanted] = [Buffer.from(token), Buffer.from(expected)];
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
      throw new MillraceError(
        'MR_ACCESS_DENIED',
        'This is not the claim token. It was printed at the first start and is in the data folder.',
      );
    const made = await makeAdmin();
    await rm(this.#path, { force: true });
    return made;
  }
}

const isAdmin = ({ roles }: AccessKey | User): boolean => roles.includes('admin');
