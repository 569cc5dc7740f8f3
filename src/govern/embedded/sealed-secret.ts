import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The key of this folder, made at first use; without it a copy of the database tells no secret. */
export async function sealingKey(files: FileSystem, path: string): Promise<Buffer> {
  if (!(await files.exists(path))) {
    await files.replaceFile(path, randomBytes(KEY_BYTES));
    await chmod(path, 0o600);
  }
  const key = await files.readFile(path);
  if (key.length === KEY_BYTES) return key;
  throw new MillraceError(
    'MR_STORAGE_DAMAGED',
    `${path} has ${key.length} bytes instead of ${KEY_BYTES}. Restore it from a backup, or remove it: then keys made so far can no longer sign requests of AWS clients.`,
  );
}

/** AES-256-GCM: nonce, tag and text, in base64. */
export function seal(secret: string, key: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const text = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
}

/** @throws MillraceError MR_STORAGE_DAMAGED where it was sealed by another key */
export function unseal(sealed: string, key: Buffer): string {
  const bytes = Buffer.from(sealed, 'base64');
  const text = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(text), decipher.final()]).toString();
  } catch (error) {
    throw new MillraceError(
      'MR_STORAGE_DAMAGED',
      'The secret of a key was sealed with another sealing.key. Make a new key with `millrace keys create`.',
      { cause: error },
    );
  }
}
