import type { IcebergSchema, PartitionSpec, SortOrder, TableMetadata } from './iceberg/metadata.ts';
import type { Requirement } from './iceberg/requirements.ts';
import type { TableUpdate } from './iceberg/updates.ts';
import type { ViewMetadata, ViewRequirement, ViewUpdate } from './iceberg/view.ts';

/**
 * The lake as other programs see it: namespaces, tables and views, by the Iceberg REST catalog.
 *
 * Contract:
 * C1  A commit is made if the table is still as its requirements say, and else refused: no commit is lost to another.
 * C2  Commits of other programs and ours take turns in one queue per table (L4).
 * C3  A transaction over several tables is made whole or not at all, over a crash too.
 * C4  What belongs to a definition of the pipeline stays its: such tables are not dropped, renamed or given another
 *     place, and their columns are not dropped. Rows, further columns, names of columns and maintenance are free.
 * C5  What cannot be read here does not become the table.
 */
export interface Catalog {
  /** What programs that read files of tables are told of where these are. */
  readonly clientSettings: ClientSettings;
  namespaces(): Promise<readonly string[]>;
  namespace(name: string): Promise<NamespaceProperties>;
  createNamespace(name: string, properties: NamespaceProperties): Promise<void>;
  dropNamespace(name: string): Promise<void>;
  changeNamespace(name: string, change: NamespaceChange): Promise<ChangedProperties>;

  tables(namespace: string): Promise<readonly string[]>;
  table(name: TableName): Promise<LoadedTable>;
  createTable(name: TableName, table: TableRequest): Promise<LoadedTable>;
  /** A table that is not there yet: its first commit makes it. */
  stageTable(name: TableName, table: TableRequest): Promise<TableMetadata>;
  /** A table that another catalog had, by its metadata file. */
  registerTable(
    name: TableName,
    metadataLocation: string,
    overwrite: boolean,
  ): Promise<LoadedTable>;
  commit(name: TableName, change: TableChange): Promise<LoadedTable>;
  commitAll(changes: readonly (TableChange & { readonly name: TableName })[]): Promise<void>;
  renameTable(from: TableName, to: TableName): Promise<void>;
  /** `purge`: with its files. */
  dropTable(name: TableName, purge: boolean): Promise<void>;

  views(namespace: string): Promise<readonly string[]>;
  view(name: TableName): Promise<LoadedView>;
  createView(name: TableName, view: ViewRequest): Promise<LoadedView>;
  commitView(name: TableName, change: ViewChange): Promise<LoadedView>;
  renameView(from: TableName, to: TableName): Promise<void>;
  dropView(name: TableName): Promise<void>;
}

/** Settings as Iceberg's clients call them: `s3.endpoint`. */
export interface ClientSettings {
  readonly [name: string]: string;
}

export interface TableName {
  readonly namespace: string;
  readonly name: string;
}

export interface NamespaceProperties {
  readonly [name: string]: string;
}

export interface NamespaceChange {
  readonly updates: NamespaceProperties;
  readonly removals: readonly string[];
}

export interface ChangedProperties {
  readonly updated: readonly string[];
  readonly removed: readonly string[];
  /** Were to be removed, and were not there. */
  readonly missing: readonly string[];
}

export interface LoadedTable {
  readonly metadata: TableMetadata;
  readonly metadataLocation: string;
}

export interface LoadedView {
  readonly metadata: ViewMetadata;
  readonly metadataLocation: string;
}

export interface TableRequest {
  readonly schema: IcebergSchema;
  readonly location?: string | undefined;
  readonly spec?: PartitionSpec | undefined;
  readonly sortOrder?: SortOrder | undefined;
  readonly properties: { readonly [name: string]: string };
}

export interface TableChange {
  readonly requirements: readonly Requirement[];
  readonly updates: readonly TableUpdate[];
}

export interface ViewRequest {
  readonly schema: IcebergSchema;
  readonly version: ViewMetadata['versions'][number];
  readonly location?: string | undefined;
  readonly properties: { readonly [name: string]: string };
}

export interface ViewChange {
  readonly requirements: readonly ViewRequirement[];
  readonly updates: readonly ViewUpdate[];
}
