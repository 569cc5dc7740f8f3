import { MillraceError } from '../../core/errors.ts';
import type { WrittenFile } from '../../engine/protocol.ts';
import { countsByPlace, type LiveFile, type LiveFiles } from '../iceberg/live-files.ts';
import { dataFile, deleteFile, POSITION_DELETES } from '../iceberg/manifest.ts';
import {
  currentSpec,
  FORMAT_VERSION,
  type IcebergField,
  type Snapshot,
  specOf,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import type { TableUpdate } from '../iceberg/updates.ts';
import type { LakeTable, Merge, Properties, Rewrite } from '../table-store.ts';
import { commitConflict } from './commit-conflict.ts';
import type { AddedFiles } from './manifest-files.ts';

/** Of what the next snapshot of a table is made, and what must be so that it is made. */

type Named = Pick<LakeTable, 'namespace' | 'name'>;

/** Written files, for a manifest of each partition spec. */
export function addedFiles(
  files: readonly WrittenFile[],
  metadata: TableMetadata,
  fields: readonly IcebergField[],
): AddedFiles[] {
  return [...new Set(files.map(({ specId }) => specId))].map((specId) => {
    const spec = specOf(metadata, specId) ?? currentSpec(metadata);
    const some = files.filter((file) => file.specId === specId);
    return { specId, files: some.map((file) => dataFile(file, spec, fields)) };
  });
}

/** Each file of deletes is of the partition that the data files are in which it names. */
export function addedDeletes(
  deletes: Merge['deletes'],
  live: Merge['state']['live'],
): AddedFiles[] {
  const byLocation = new Map(live.map((one) => [one.file.file_path, one]));
  return deletes.map((written) => {
    const of = byLocation.get(written.of[0] as string) as LiveFile;
    return { specId: of.specId, files: [deleteFile(written, of.file)] };
  });
}

/** Makes a snapshot the current one, with properties in the same commit. */
export const pointTo = (snapshot: Snapshot, properties: Properties): TableUpdate[] => [
  {
    action: 'set-snapshot-ref',
    'ref-name': 'main',
    type: 'branch',
    'snapshot-id': snapshot['snapshot-id'],
  },
  { action: 'set-properties', updates: properties },
];

export function requireWritable({ namespace, name }: Named, metadata: TableMetadata): void {
  const version = metadata['format-version'];
  if (version === FORMAT_VERSION) return;
  throw new MillraceError(
    'MR_TABLE_UNSUPPORTED',
    `${namespace}.${name} has Iceberg format version ${version}; only version ${FORMAT_VERSION} can be written.`,
  );
}

/** A row that another commit wrote meanwhile would be a second one of its key. */
export function requireSequence(table: Named, metadata: TableMetadata, sequence: bigint): void {
  if (BigInt(metadata['last-sequence-number']) !== sequence)
    throw commitConflict(table, 'another commit came between');
}

/** @throws MillraceError MR_TABLE_COMMIT_CONFLICT where files that are to be replaced are not what was read */
export function requireUntouched(
  { namespace, name }: Named,
  live: LiveFiles,
  { replaced, sequence }: Pick<Rewrite, 'replaced' | 'sequence'>,
): void {
  const found = live.data.filter(({ file }) => replaced.has(file.file_path));
  // Deletes by place that came later name the old files; those by value count for the new ones too.
  const later = live.deletes.filter(
    (one) => one.sequence > sequence && one.file.content === POSITION_DELETES,
  );
  const isTouched = found.some((data) => later.some((one) => countsByPlace(one, data)));
  if (found.length !== replaced.size || isTouched)
    throw new MillraceError(
      'MR_TABLE_COMMIT_CONFLICT',
      `Files of ${namespace}.${name} that were being rewritten were changed by another commit.`,
    );
}
