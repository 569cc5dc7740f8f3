/** Rows of files on their way into a stream. */

export interface SourceRow {
  /** Ordinal in the file, from 1; a header does not count. */
  readonly row: number;
  /** Where it starts in the file, for people. */
  readonly line?: number;
  /** Column name → value. */
  readonly values: readonly (readonly [column: string, value: SourceValue])[];
  /** Set where the row itself is broken; then it has no values. */
  readonly problem?: string;
  /** The row as it stands in the file, for the file of the rejected. */
  readonly text: string;
}

/** Text of a cell, or JSON as written. */
export type SourceValue = { readonly text: string } | { readonly json: string };

export interface SourceDialect {
  readonly format: 'csv' | 'json' | 'parquet';
  readonly encoding: string;
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
}

/**
 * A file of rows.
 *
 * Contract:
 * R1  The same file with the same options gives the same rows in the same order: an import can go on where it stopped.
 * R2  Memory does not grow with the file.
 * R3  A broken row is a row with a problem; what follows is read.
 */
export interface FileSource {
  readonly path: string;
  readonly dialect: SourceDialect;
  /** Column names of a CSV header; empty where rows name their own. */
  readonly columns: readonly string[];
  rows(): AsyncIterable<SourceRow>;
}
