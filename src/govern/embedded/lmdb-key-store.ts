import type { Database, RootDatabase } from 'lmdb';
import { committed } from '../../core/lmdb-commit.ts';
import {
  type AccessKey,
  type KeyStore,
  keyIdOf,
  newKey,
  type Role,
  secretMatches,
} from '../key-store.ts';
import { seal, unseal } from './sealed-secret.ts';

/** Keys in the system's LMDB environment. */
export class LmdbKeyStore implements KeyStore {
  readonly #keys: Database<AccessKey, string>;
  readonly #sealingKey: Buffer;
  /** By token, those that were right: to read, hash and compare for each request is a tenth of what a small one costs. */
  readonly #found = new Map<string, AccessKey>();

  /** @param sealingKey of 32 bytes */
  constructor(root: RootDatabase, sealingKey: Buffer) {
    this.#sealingKey = sealingKey;
    this.#keys = root.openDB<AccessKey, string>({ name: 'keys', encoding: 'json' });
  }

  async create(
    roles: readonly Role[],
    label: string,
    nowMs: number,
  ): Promise<{ key: AccessKey; secret: string }> {
    const made = newKey(roles, label, nowMs);
    const key = { ...made.key, sealedToken: seal(made.secret, this.#sealingKey) };
    await this.#save(key);
    return { key, secret: made.secret };
  }

  list(): readonly AccessKey[] {
    return [...this.#keys.getRange()]
      .map(({ value }) => value)
      .sort((a, b) => a.createdMs - b.createdMs);
  }

  async revoke(id: string, nowMs: number): Promise<boolean> {
    const key = this.#keys.get(id);
    if (!key || key.revokedMs !== null) return false;
    await this.#save({ ...key, revokedMs: nowMs });
    return true;
  }

  find(token: string): AccessKey | undefined {
    const found = this.#found.get(token);
    if (found) return found;
    const stored = this.#stored(token);
    if (stored) this.#found.set(token, stored);
    return stored;
  }

  signer(id: string): { key: AccessKey; token: string } | undefined {
    const key = this.#keys.get(id);
    if (!key || key.revokedMs !== null || key.sealedToken === undefined) return undefined;
    return { key, token: unseal(key.sealedToken, this.#sealingKey) };
  }

  #stored(token: string): AccessKey | undefined {
    const id = keyIdOf(token);
    const key = id === undefined ? undefined : this.#keys.get(id);
    return key && key.revokedMs === null && secretMatches(token, key.secretHash) ? key : undefined;
  }

  async #save(key: AccessKey): Promise<void> {
    await committed(this.#keys.put(key.id, key));
    // Only this process changes keys.
    this.#found.clear();
  }
}
