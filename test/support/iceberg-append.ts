import { randomInt, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { Id } from '../../src/lake/iceberg/json.ts';
import {
  ADDED,
  DATA,
  type DataFile,
  type ManifestFile,
  readManifestList,
  writeManifest,
  writeManifestList,
} from '../../src/lake/iceberg/manifest.ts';
import {
  currentSchema,
  currentSnapshot,
  currentSpec,
  parseMetadata,
  type TableMetadata,
} from '../../src/lake/iceberg/metadata.ts';
import { localPath } from '../../src/lake/location.ts';

/** What a program that appends one file to a table writes and sends: the smallest Iceberg writer. */

export interface AppendedFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly partition?: { readonly [name: string]: unknown };
  /** Default `PARQUET`. */
  readonly format?: string;
}

export interface Append {
  readonly snapshotId: Id;
  readonly requirements: readonly object[];
  readonly updates: readonly object[];
}

/** Metadata as an answer of the catalog has it. */
export const metadataOf = (answer: object): TableMetadata =>
  parseMetadata('answer', JSON.stringify(answer, bigintsAsNumbers));

const bigintsAsNumbers = (_name: string, value: unknown) =>
  typeof value === 'bigint' ? Number(value) : value;

const NOTHING_KNOWN = {
  column_sizes: null,
  value_counts: null,
  null_value_counts: null,
  nan_value_counts: null,
  lower_bounds: null,
  upper_bounds: null,
  key_metadata: null,
  split_offsets: null,
  equality_ids: null,
  sort_order_id: null,
};

/** Writes manifest and list beside the table's own, and says what to commit. `replaces`: of the files before none stays. */
export async function writeAppend(
  metadata: TableMetadata,
  file: AppendedFile,
  { replaces = false } = {},
): Promise<Append> {
  const id = randomInt(1, 2 ** 47);
  const parent = currentSnapshot(metadata);
  const sequence = metadata['last-sequence-number'] + 1;
  const spec = currentSpec(metadata);
  const dataFile: DataFile = {
    ...NOTHING_KNOWN,
    content: DATA,
    file_path: file.path,
    file_format: file.format ?? 'PARQUET',
    partition: file.partition ?? {},
    record_count: BigInt(file.rows),
    file_size_in_bytes: BigInt(file.bytes),
  };
  const entry = {
    status: ADDED,
    snapshot_id: BigInt(id),
    sequence_number: null,
    file_sequence_number: null,
    data_file: dataFile,
  };
  const manifest = writeManifest([entry], spec, currentSchema(metadata), DATA);
  const manifestPath = `${metadata.location}/metadata/${randomUUID()}-m0.avro`;
  await writeFile(localPath(manifestPath), manifest);
  const before = parent && !replaces ? await manifestsOf(parent['manifest-list']) : [];
  const added: ManifestFile = {
    manifest_path: manifestPath,
    manifest_length: BigInt(manifest.length),
    partition_spec_id: spec['spec-id'],
    content: DATA,
    sequence_number: BigInt(sequence),
    min_sequence_number: BigInt(sequence),
    added_snapshot_id: BigInt(id),
    added_files_count: 1,
    existing_files_count: 0,
    deleted_files_count: 0,
    added_rows_count: BigInt(file.rows),
    existing_rows_count: 0n,
    deleted_rows_count: 0n,
    partitions: null,
    key_metadata: null,
  };
  const list = `${metadata.location}/metadata/snap-${id}-${randomUUID()}.avro`;
  await writeFile(
    localPath(list),
    writeManifestList([...before, added], { id, parent: parent?.['snapshot-id'], sequence }),
  );
  return appendOf(metadata, { id, sequence, list, rows: file.rows });
}

const manifestsOf = async (list: string): Promise<ManifestFile[]> =>
  readManifestList(list, await readFile(localPath(list)));

function appendOf(
  metadata: TableMetadata,
  added: { id: number; sequence: number; list: string; rows: number },
): Append {
  const parent = currentSnapshot(metadata);
  const total = Number(parent?.summary['total-records'] ?? 0) + added.rows;
  return {
    snapshotId: added.id,
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      {
        type: 'assert-ref-snapshot-id',
        ref: 'main',
        'snapshot-id': parent?.['snapshot-id'] ?? null,
      },
    ],
    updates: [
      {
        action: 'add-snapshot',
        snapshot: {
          'snapshot-id': added.id,
          ...(parent ? { 'parent-snapshot-id': parent['snapshot-id'] } : {}),
          'sequence-number': added.sequence,
          'timestamp-ms': Date.now(),
          'manifest-list': added.list,
          'schema-id': metadata['current-schema-id'],
          summary: {
            operation: 'append',
            'added-data-files': '1',
            'added-records': String(added.rows),
            'total-records': String(total),
          },
        },
      },
      {
        action: 'set-snapshot-ref',
        'ref-name': 'main',
        type: 'branch',
        'snapshot-id': added.id,
      },
    ],
  };
}
