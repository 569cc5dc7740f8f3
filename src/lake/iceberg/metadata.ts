/** Table metadata as the Iceberg specification spells it (format version 2, appendix C). */

export type IcebergType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly IcebergField[] }
  | {
      readonly type: 'list';
      readonly 'element-id': number;
      readonly element: IcebergType;
      readonly 'element-required': boolean;
    }
  | {
      readonly type: 'map';
      readonly 'key-id': number;
      readonly key: IcebergType;
      readonly 'value-id': number;
      readonly value: IcebergType;
      readonly 'value-required': boolean;
    };

export interface IcebergField {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: IcebergType;
  readonly doc?: string;
}

export interface IcebergSchema {
  readonly type: 'struct';
  readonly 'schema-id': number;
  readonly 'identifier-field-ids'?: readonly number[];
  readonly fields: readonly IcebergField[];
}

export interface PartitionField {
  readonly 'source-id': number;
  readonly 'field-id': number;
  readonly name: string;
  readonly transform: string;
}

export interface PartitionSpec {
  readonly 'spec-id': number;
  readonly fields: readonly PartitionField[];
}

export interface Snapshot {
  readonly 'snapshot-id': number;
  readonly 'parent-snapshot-id'?: number;
  readonly 'sequence-number': number;
  readonly 'timestamp-ms': number;
  readonly 'manifest-list': string;
  readonly summary: { readonly operation: 'append' | 'overwrite'; readonly [name: string]: string };
  readonly 'schema-id': number;
}

export interface TableMetadata {
  readonly 'format-version': 2;
  readonly 'table-uuid': string;
  readonly location: string;
  readonly 'last-sequence-number': number;
  readonly 'last-updated-ms': number;
  readonly 'last-column-id': number;
  readonly 'current-schema-id': number;
  readonly schemas: readonly IcebergSchema[];
  readonly 'default-spec-id': number;
  readonly 'partition-specs': readonly PartitionSpec[];
  readonly 'last-partition-id': number;
  readonly 'default-sort-order-id': 0;
  readonly 'sort-orders': readonly [{ readonly 'order-id': 0; readonly fields: readonly [] }];
  readonly properties: { readonly [name: string]: string };
  readonly 'current-snapshot-id': number;
  readonly refs: {
    readonly [name: string]: { readonly 'snapshot-id': number; readonly type: 'branch' };
  };
  readonly snapshots: readonly Snapshot[];
  readonly 'snapshot-log': readonly {
    readonly 'snapshot-id': number;
    readonly 'timestamp-ms': number;
  }[];
  readonly 'metadata-log': readonly {
    readonly 'metadata-file': string;
    readonly 'timestamp-ms': number;
  }[];
}

export function currentSchema(metadata: TableMetadata): IcebergSchema {
  return metadata.schemas.find(
    (schema) => schema['schema-id'] === metadata['current-schema-id'],
  ) as IcebergSchema;
}

export function currentSpec(metadata: TableMetadata): PartitionSpec {
  return metadata['partition-specs'].find(
    (spec) => spec['spec-id'] === metadata['default-spec-id'],
  ) as PartitionSpec;
}

export function currentSnapshot(metadata: TableMetadata): Snapshot | undefined {
  return metadata.snapshots.find(
    (snapshot) => snapshot['snapshot-id'] === metadata['current-snapshot-id'],
  );
}
