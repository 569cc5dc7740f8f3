import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { onTestFinished } from 'vitest';
import { LmdbUserStore } from '../../src/govern/embedded/lmdb-user-store.ts';
import { describeUserStore, type UserStoreUnderTest } from '../conformance/user-store.ts';
import { temporaryFolder } from '../support/folder.ts';

describeUserStore('LmdbUserStore', () => under(join(temporaryFolder(), 'system.mdb')));

function under(path: string): UserStoreUnderTest {
  const root = open({ path, maxDbs: 8, overlappingSync: false });
  onTestFinished(() => root.close());
  return {
    store: new LmdbUserStore(root),
    files: [path],
    reopen: () => {
      // A copy of the file is what a killed process leaves.
      const copy = join(temporaryFolder(), 'system.mdb');
      cpSync(path, copy);
      return under(copy);
    },
  };
}
