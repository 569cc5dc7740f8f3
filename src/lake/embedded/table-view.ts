import { MillraceError } from '../../core/errors.ts';
import type { WriteTarget, WrittenDeletes, WrittenFile } from '../../engine/protocol.ts';
import { countsByPlace, type LiveFile, type LiveFiles } from '../iceberg/live-files.ts';
import { dataFile, deleteFile, POSITION_DELETES } from '../iceberg/manifest.ts';
import {
  currentSnapshot,
  currentSpec,
  FORMAT_VERSION,
  type IcebergField,
  specOf,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { partitionExpression, partitionType, sortedBy } from '../iceberg/transform.ts';
import type { Rewrite, RewriteState, Were } from '../table-store.ts';

/** What follows from the metadata of a table alone. */

/** A commit that is written, and not the table yet. */
export interface PreparedCommit {
  readonly metadata: TableMetadata;
  readonly live: LiveFiles;
}

export function writeTarget(
  metadata: TableMetadata,
  folder: string,
  fields: readonly IcebergField[],
): WriteTarget {
  const spec = currentSpec(metadata);
  return {
    folder,
    columns: fields.map(({ name, id, type }) => ({ name, id, type })),
    partitions: spec.fields.map((field) => ({
      expression: partitionExpression(field, fields),
      isText: partitionType(field, fields) === 'string',
    })),
    specId: spec['spec-id'],
    ...sortedBy(metadata, fields),
  };
}

/** Rows that were deleted by their values are counted: how many there are only a reader finds. */
export function rowCount(metadata: TableMetadata): number {
  const summary = currentSnapshot(metadata)?.summary;
  const all = Number(summary?.['total-records'] ?? 0);
  return all - Number(summary?.['total-position-deletes'] ?? 0);
}

function commitConflict(table: string, why: string): MillraceError {
  return new MillraceError(
    'MR_TABLE_COMMIT_CONFLICT',
    `The commit of ${table} was made on another state of the table: ${why}. Load the table again and commit anew.`,
  );
}

/** @throws MillraceError MR_TABLE_COMMIT_CONFLICT where a property is another one since */
export function requireStill({ properties }: TableMetadata, were: Were, table: string): void {
  const changed = Object.keys(were).find((name) => properties[name] !== were[name]);
  if (changed !== undefined) throw commitConflict(table, `${changed} was changed meanwhile`);
}

/** A row that another commit wrote meanwhile would be a second one of its key. */
export function requireSame(
  metadata: TableMetadata,
  { sequence }: RewriteState,
  table: string,
): void {
  if (BigInt(metadata['last-sequence-number']) !== sequence)
    throw commitConflict(table, 'another commit came between');
}

/** @throws MillraceError MR_TABLE_UNSUPPORTED */
export function requireWritable(metadata: TableMetadata, table: string): void {
  const version = metadata['format-version'];
  if (version === FORMAT_VERSION) return;
  throw new MillraceError(
    'MR_TABLE_UNSUPPORTED',
    `${table} has Iceberg format version ${version}; only version ${FORMAT_VERSION} can be written.`,
  );
}

/** Files of deletes, each in the partition of the files that it names. */
export function placedDeletes({ live }: RewriteState, deletes: readonly WrittenDeletes[]) {
  const byLocation = new Map(live.map((one) => [one.file.file_path, one]));
  return deletes.map((written) => {
    const of = byLocation.get(written.of[0] as string) as LiveFile;
    return { specId: of.specId, files: [deleteFile(written, of.file)] };
  });
}

/** Written files, by the partition spec that they are of. */
export function placedFiles(
  files: readonly WrittenFile[],
  metadata: TableMetadata,
  fields: readonly IcebergField[],
) {
  return [...new Set(files.map(({ specId }) => specId))].map((specId) => {
    const spec = specOf(metadata, specId) ?? currentSpec(metadata);
    const some = files.filter((file) => file.specId === specId);
    return { specId, files: some.map((file) => dataFile(file, spec, fields)) };
  });
}

/** @throws MillraceError MR_TABLE_COMMIT_CONFLICT where files that are to be replaced are not as they were read */
export function requireUntouched(
  { data, deletes }: LiveFiles,
  { replaced, sequence }: Pick<Rewrite, 'replaced' | 'sequence'>,
  table: string,
): void {
  const found = data.filter(({ file }) => replaced.has(file.file_path));
  // Deletes by place that came later name the old files; those by value count for the new ones too.
  const later = deletes.filter(
    (one) => one.sequence > sequence && one.file.content === POSITION_DELETES,
  );
  const isTouched = found.some((one) => later.some((other) => countsByPlace(other, one)));
  if (found.length === replaced.size && !isTouched) return;
  throw new MillraceError(
    'MR_TABLE_COMMIT_CONFLICT',
    `Files of ${table} that were being rewritten were changed by another commit.`,
  );
}
