import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Who may do what: keys with roles. Secrets are shown once, and kept as SHA-256 (they have 192 random bits) and
 * sealed, for the clients of AWS: a signature can only be checked by who has the secret.
 */

export type Role = 'producer' | 'reader' | 'admin';
export const ROLES: readonly Role[] = Object.freeze(['producer', 'reader', 'admin']);

export interface AccessKey {
  readonly id: string;
  readonly roles: readonly Role[];
  readonly label: string;
  readonly secretHash: string;
  /** The token, sealed: who checks a signature needs it as it is. Keys of earlier versions have none. */
  readonly sealedToken?: string;
  readonly createdMs: number;
  readonly revokedMs: number | null;
}

export interface KeyStore {
  create(
    roles: readonly Role[],
    label: string,
    nowMs: number,
  ): Promise<{ key: AccessKey; secret: string }>;
  list(): readonly AccessKey[];
  revoke(id: string, nowMs: number): Promise<boolean>;
  /** The key a bearer token names, if its secret is right and it was not revoked. */
  find(token: string): AccessKey | undefined;
  /** The key of this id and the token that it signs with (SigV4), if it was not revoked and can sign. */
  signer(id: string): { key: AccessKey; token: string } | undefined;
}

/** `mr_<id>_<secret>` */
export function newKey(
  roles: readonly Role[],
  label: string,
  nowMs: number,
): { key: AccessKey; secret: string } {
  const id = randomBytes(6).toString('hex');
  const secret = `mr_${id}_${randomBytes(24).toString('base64url')}`;
  return {
    key: { id, roles, label, secretHash: hashSecret(secret), createdMs: nowMs, revokedMs: null },
    secret,
  };
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function keyIdOf(token: string): string | undefined {
  return /^mr_([0-9a-f]{12})_[\w-]{32}$/.exec(token)?.[1];
}

export function secretMatches(token: string, secretHash: string): boolean {
  return timingSafeEqual(Buffer.from(hashSecret(token), 'hex'), Buffer.from(secretHash, 'hex'));
}
