import { randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { KeyStore } from '../govern/key-store.ts';

/** The one-time token of the first start: whoever can read the console or the folder becomes administrator. */
export class Claim {
  readonly #path: string;
  readonly #keys: KeyStore;

  constructor(folder: string, keys: KeyStore) {
    this.#path = join(folder, 'claim-token');
    this.#keys = keys;
  }

  /** The token while nobody has used it; made at the first start. */
  async token(): Promise<string | undefined> {
    if (this.#keys.list().some((key) => key.roles.includes('admin'))) return undefined;
    if (!existsSync(this.#path))
      await writeFile(this.#path, `${randomBytes(24).toString('base64url')}\n`, {
        mode: 0o600,
        flag: 'wx',
      });
    return (await readFile(this.#path, 'utf8')).trim();
  }

  async use(token: string, nowMs: number): Promise<{ id: string; secret: string }> {
    const expected = await this.token();
    if (expected === undefined) throw used();
    const [given, wanted] = [Buffer.from(token), Buffer.from(expected)];
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
      throw new MillraceError(
        'MR_ACCESS_DENIED',
        'This is not the claim token. It was printed at the first start and is in the data folder.',
      );
    const taken = `${this.#path}.used`;
    // Of two that come at once, one renames and the other finds nothing.
    await rename(this.#path, taken).catch(() => {
      throw used();
    });
    const { key, secret } = await this.#keys.create(['admin'], 'claimed at first start', nowMs);
    await rm(taken, { force: true });
    return { id: key.id, secret };
  }
}

const used = (): MillraceError =>
  new MillraceError(
    'MR_ACCESS_CLAIMED',
    'The claim token was used already. Ask an administrator for a key.',
  );
