import { statSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { expect, onTestFinished, test } from 'vitest';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { LmdbKeyStore } from '../../src/govern/embedded/lmdb-key-store.ts';
import { seal, sealingKey, unseal } from '../../src/govern/embedded/sealed-secret.ts';
import { temporaryFolder } from '../support/folder.ts';

function openStore(folder: string, key: Buffer): LmdbKeyStore {
  const root = open({ path: join(folder, 'system.mdb'), maxDbs: 4, overlappingSync: false });
  onTestFinished(() => root.close());
  return new LmdbKeyStore(root, key);
}

test('a key signs with the secret that was shown, until it is revoked', async () => {
  const folder = temporaryFolder();
  const store = openStore(folder, await sealingKey(nodeFileSystem(), join(folder, 'sealing.key')));
  const { key, secret } = await store.create(['producer'], '', 0);
  expect(store.signer(key.id)).toMatchObject({ token: secret, key: { roles: ['producer'] } });
  expect(JSON.stringify(store.list())).not.toContain(secret);
  await store.revoke(key.id, 1);
  expect(store.signer(key.id)).toBeUndefined();
  expect(store.signer('000000000000')).toBeUndefined();
});

test('the sealing key is made once, for its owner alone, and no other opens what it sealed', async () => {
  const path = join(temporaryFolder(), 'sealing.key');
  const key = await sealingKey(nodeFileSystem(), path);
  expect(await sealingKey(nodeFileSystem(), path)).toEqual(key);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const sealed = seal('mr_secret', key);
  expect(unseal(sealed, key)).toBe('mr_secret');
  expect(seal('mr_secret', key)).not.toBe(sealed);
  expect(() => unseal(sealed, Buffer.alloc(32, 1))).toThrow('millrace keys create');
  await nodeFileSystem().replaceFile(path, Buffer.alloc(3));
  await expect(sealingKey(nodeFileSystem(), path)).rejects.toMatchObject({
    code: 'MR_STORAGE_DAMAGED',
  });
});
