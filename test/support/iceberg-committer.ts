import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { icebergJson, parseIcebergJson } from '../../src/lake/iceberg/json.ts';
import { parseMetadata } from '../../src/lake/iceberg/metadata.ts';
import { localPath } from '../../src/lake/location.ts';
import { writeAppend } from './iceberg-append.ts';

interface Committer {
  /** Of the server. */
  readonly url: string;
  /** `lake/readings` */
  readonly table: string;
  /** Has data files of one row each, `<name>-<index>.parquet`: a commit adds one. */
  readonly folder: string;
  readonly name: string;
  readonly count: number;
  /** False: commits whatever the table is by now. The control. */
  readonly isHonest: boolean;
}

const FAILED = 409;

/** Appends as Iceberg's writers do: loads, writes, commits, and begins anew where another one was first. */
export async function commitMany(committer: Committer): Promise<void> {
  const [namespace, name] = committer.table.split('/');
  const address = `${committer.url}/iceberg/v1/namespaces/${namespace}/tables/${name}`;
  for (let index = 0; index < committer.count; index++) {
    let added: { path: string; bytes: number } | undefined;
    for (let tried = 1; ; tried++) {
      const metadata = await load(address);
      added ??= await copyOf(committer, metadata.location, index);
      const append = await writeAppend(metadata, { ...added, rows: 1 });
      const status = await commit(address, append, committer.isHonest);
      if (status === 200) break;
      if (status !== FAILED) throw new Error(`commit ${committer.name}-${index}: ${status}`);
      // As PyIceberg does: waits longer each time, and never as long as another one.
      await sleep(Math.random() * Math.min(10 * tried, 200));
    }
  }
}

async function load(address: string) {
  const answer = await fetch(`${address}?snapshots=refs`);
  const { metadata } = parseIcebergJson(await answer.text()) as { metadata: object };
  return parseMetadata(address, icebergJson(metadata));
}

async function copyOf({ folder, name }: Committer, location: string, index: number) {
  const file = `${name}-${index}.parquet`;
  const path = `${location}/data/${file}`;
  await copyFile(join(folder, file), localPath(path));
  return { path, bytes: (await stat(localPath(path))).size };
}

/** Says nothing of the state it was made on. */
function careless(updates: readonly object[]): object {
  return {
    requirements: [],
    updates: updates.map((update) => {
      if (!('snapshot' in update)) return update;
      const { 'parent-snapshot-id': _parent, ...snapshot } = update.snapshot as {
        'parent-snapshot-id'?: unknown;
      };
      return { ...update, snapshot };
    }),
  };
}

async function commit(
  address: string,
  { requirements, updates }: Awaited<ReturnType<typeof writeAppend>>,
  isHonest: boolean,
): Promise<number> {
  const body = isHonest ? { requirements, updates } : careless(updates);
  const answer = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: icebergJson(body),
  });
  await answer.arrayBuffer();
  return answer.status;
}
