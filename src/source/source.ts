import type { ErrorCode } from '../core/error-codes.ts';

/** Rows of files on their way into a stream. */

/** A row as people find it, for the file of the rejected. */
export interface RowPlace {
  /** Ordinal in the file, from 1; a header does not count. */
  readonly row: number;
  /** The line in which it starts, from 1; undefined where the format has no lines. */
  readonly line?: number | undefined;
  /** As it stands in the file. */
  readonly text: string;
  /** Its bytes, where a text cannot hold them. */
  readonly bytes?: Buffer;
}

export interface SourceRow extends RowPlace {
  /** Names of the values: of a CSV the source's own array in every row, else the names of this row. */
  readonly columns: readonly string[];
  /** Texts of cells where the format is CSV, else JSON as written. */
  readonly values: readonly string[];
  /** Set where the row itself is broken; then it has no values. */
  readonly problem?: RowProblem;
}

export interface RowProblem {
  readonly code: ErrorCode;
  readonly message: string;
}

export const FILE_FORMATS = ['csv', 'json', 'parquet', 'avro', 'orc'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

/** Formats whose columns have types: JSON of their values is written by us, not by a producer. */
export const isTyped = (format: FileFormat): boolean => format !== 'csv' && format !== 'json';

export interface SourceDialect {
  readonly format: FileFormat;
  readonly encoding: string;
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
}

/** Of a typed format, which has nothing to be found out. */
export const typedDialect = (format: FileFormat): SourceDialect => ({
  format,
  encoding: 'utf-8',
  delimiter: '',
  quote: '',
  header: false,
});

/**
 * A file of rows.
 *
 * Contract:
 * R1  The same file with the same options gives the same rows in the same order: an import can go on where it stopped.
 * R2  Memory does not grow with the file.
 * R3  A broken row is a row with a problem; what follows is read.
 * R4  A byte that is not of the encoding is never replaced: its row is a row with a problem and has its bytes.
 */
export interface FileSource {
  readonly path: string;
  readonly dialect: SourceDialect;
  /** Column names of a CSV header; empty where rows name their own. */
  readonly columns: readonly string[];
  /** All rows in their order, as many at a time as a read of the file holds; to be taken before the next. */
  batches(): AsyncIterable<Iterable<SourceRow>>;
}
