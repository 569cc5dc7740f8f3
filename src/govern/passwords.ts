import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { Turns } from '../core/turns.ts';

/** Parameters of scrypt (RFC 7914); `ln` is the logarithm of N. */
export interface ScryptCost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

export type Derive = (password: string, salt: Buffer, cost: ScryptCost) => Promise<Buffer>;

/** One of the settings that OWASP names as equal, the one with the least memory in flight: 32 MiB. */
const COST: ScryptCost = Object.freeze({ ln: 15, r: 8, p: 3 });
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** Hashes passwords with scrypt, which Node has itself, off the event loop and one after the other. */
export class Passwords {
  readonly #derive: Derive;
  readonly #turns = new Turns({
    atOnce: LIMITS.passwordHashesAtOnce,
    waitingMax: LIMITS.passwordHashesQueuedMax,
    what: 'logins',
  });
  /** Nobody's password: what is compared where there is no such user. */
  readonly #nobody = format(COST, randomBytes(SALT_BYTES), randomBytes(KEY_BYTES));

  constructor(derive: Derive = deriveKey) {
    this.#derive = derive;
  }

  /** `$scrypt$ln=15,r=8,p=3$<salt>$<key>`. @throws MillraceError MR_REQUEST_INVALID, MR_OVERLOADED */
  async hash(password: string): Promise<string> {
    const characters = [...normal(password)].length;
    if (characters < LIMITS.passwordCharactersMin)
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        `The password has ${characters} characters; it needs at least ${LIMITS.passwordCharactersMin}. A few words are easy to remember and hard to guess.`,
      );
    const salt = randomBytes(SALT_BYTES);
    return format(COST, salt, await this.#key(password, salt, COST));
  }

  /** Takes as long where there is no user, and so no hash. @throws MillraceError MR_OVERLOADED */
  async matches(password: string, hash: string | undefined): Promise<boolean> {
    const { cost, salt, key } = parse(hash ?? this.#nobody);
    return timingSafeEqual(await this.#key(password, salt, cost), key);
  }

  #key(password: string, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
    const text = normal(password);
    if (Buffer.byteLength(text) > LIMITS.passwordBytesMax)
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        `The password has more than ${LIMITS.passwordBytesMax} bytes.`,
      );
    return this.#turns.take(() => this.#derive(text, salt, cost));
  }
}

/** Keyboards write one letter in different ways (RFC 8265). */
const normal = (password: string): string => password.normalize('NFC');

function format({ ln, r, p }: ScryptCost, salt: Buffer, key: Buffer): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

function parse(hash: string): { cost: ScryptCost; salt: Buffer; key: Buffer } {
  const match = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([\w-]+)\$([\w-]+)$/.exec(hash);
  if (!match)
    throw new MillraceError(
      'MR_STORAGE_DAMAGED',
      'The stored hash of a password is damaged. Set a new password with `millrace users change`.',
    );
  const [, ln, r, p, salt, key] = match;
  return {
    cost: { ln: Number(ln), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt as string, 'base64url'),
    key: Buffer.from(key as string, 'base64url'),
  };
}

function deriveKey(password: string, salt: Buffer, { ln, r, p }: ScryptCost): Promise<Buffer> {
  const N = 2 ** ln;
  return new Promise((resolve, reject) => {
    // Node refuses what may take more than maxmem; scrypt itself takes 128 · N · r, and a little for p.
    scrypt(password, salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
