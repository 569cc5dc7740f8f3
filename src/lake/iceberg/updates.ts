import { MillraceError } from '../../core/errors.ts';
import { checkSchema, checkSortOrder, checkSpec, requireWhole } from './check-metadata.ts';
import type { Id } from './json.ts';
import {
  FORMAT_VERSION_MAX,
  type IcebergField,
  type IcebergSchema,
  type IcebergType,
  NO_SNAPSHOT,
  type PartitionField,
  type PartitionSpec,
  type Snapshot,
  type SnapshotRef,
  type SortOrder,
  type StatisticsFile,
  snapshotOf,
  type TableMetadata,
} from './metadata.ts';

/** A step of a commit (REST catalog specification, `TableUpdate`). */
export type TableUpdate =
  | { readonly action: 'assign-uuid'; readonly uuid: string }
  | { readonly action: 'upgrade-format-version'; readonly 'format-version': number }
  | { readonly action: 'add-schema'; readonly schema: IcebergSchema }
  | { readonly action: 'set-current-schema'; readonly 'schema-id': number }
  | { readonly action: 'add-spec'; readonly spec: PartitionSpec }
  | { readonly action: 'set-default-spec'; readonly 'spec-id': number }
  | { readonly action: 'add-sort-order'; readonly 'sort-order': SortOrder }
  | { readonly action: 'set-default-sort-order'; readonly 'sort-order-id': number }
  | { readonly action: 'add-snapshot'; readonly snapshot: Snapshot }
  | ({ readonly action: 'set-snapshot-ref'; readonly 'ref-name': string } & SnapshotRef)
  | { readonly action: 'remove-snapshots'; readonly 'snapshot-ids': readonly Id[] }
  | { readonly action: 'remove-snapshot-ref'; readonly 'ref-name': string }
  | { readonly action: 'set-location'; readonly location: string }
  | {
      readonly action: 'set-properties';
      readonly updates: { readonly [name: string]: string };
    }
  | { readonly action: 'remove-properties'; readonly removals: readonly string[] }
  | { readonly action: 'set-statistics'; readonly statistics: StatisticsFile }
  | { readonly action: 'remove-statistics'; readonly 'snapshot-id': Id }
  | {
      readonly action: 'set-partition-statistics';
      readonly 'partition-statistics': StatisticsFile;
    }
  | { readonly action: 'remove-partition-statistics'; readonly 'snapshot-id': Id }
  | { readonly action: 'remove-partition-specs'; readonly 'spec-ids': readonly number[] }
  | { readonly action: 'remove-schemas'; readonly 'schema-ids': readonly number[] }
  | {
      readonly action: 'add-encryption-key';
      readonly 'encryption-key': { readonly 'key-id': string };
    }
  | { readonly action: 'remove-encryption-key'; readonly 'key-id': string };

/** A commit whose steps do not fit the table: the client made a mistake. */
const wrong = (message: string): MillraceError =>
  new MillraceError('MR_TABLE_COMMIT_INVALID', message);

/** What later steps of the same commit refer to by -1, or need to know of earlier ones. */
interface Progress {
  schemaId?: number;
  specId?: number;
  sortOrderId?: number;
  readonly added: Set<Id>;
}

type Apply<A extends TableUpdate['action']> = (
  metadata: TableMetadata,
  update: Extract<TableUpdate, { readonly action: A }>,
  progress: Progress,
  nowMs: number,
) => TableMetadata;

/**
 * The metadata after the steps, which are taken in order (Iceberg specification, "Table Metadata").
 * @throws MillraceError MR_TABLE_COMMIT_INVALID naming the step; MR_TABLE_COMMIT_CONFLICT where only the time was wrong
 */
export function applyUpdates(
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
  nowMs: number,
): TableMetadata {
  const progress: Progress = { added: new Set() };
  let next = metadata;
  for (const update of updates) {
    const apply = STEPS[update.action] as Apply<TableUpdate['action']> | undefined;
    if (!apply) throw wrong(`There is no update '${String(update.action)}'.`);
    next = apply(next, update as never, progress, nowMs);
  }
  requireWhole(next);
  return updates.length === 0 ? next : { ...next, 'last-updated-ms': lastUpdated(next, nowMs) };
}

/** Readers refuse a snapshot that is more than a minute younger than its table. */
const lastUpdated = (metadata: TableMetadata, nowMs: number): number =>
  metadata.snapshots.reduce((ms, snapshot) => Math.max(ms, snapshot['timestamp-ms']), nowMs);

const STEPS: { readonly [A in TableUpdate['action']]: Apply<A> } = {
  'assign-uuid': (metadata, { uuid }) => ({ ...metadata, 'table-uuid': uuid.toLowerCase() }),
  'upgrade-format-version': upgradeFormat,
  'add-schema': addSchema,
  'set-current-schema': (metadata, update, { schemaId }) => {
    const id = lastAdded(update['schema-id'], schemaId, 'schema');
    if (!metadata.schemas.some((schema) => schema['schema-id'] === id))
      throw wrong(`set-current-schema: there is no schema ${id}.`);
    return { ...metadata, 'current-schema-id': id };
  },
  'add-spec': addSpec,
  'set-default-spec': (metadata, update, { specId }) => {
    const id = lastAdded(update['spec-id'], specId, 'partition spec');
    if (!metadata['partition-specs'].some((spec) => spec['spec-id'] === id))
      throw wrong(`set-default-spec: there is no partition spec ${id}.`);
    return { ...metadata, 'default-spec-id': id };
  },
  'add-sort-order': addSortOrder,
  'set-default-sort-order': (metadata, update, { sortOrderId }) => {
    const id = lastAdded(update['sort-order-id'], sortOrderId, 'sort order');
    if (!metadata['sort-orders'].some((order) => order['order-id'] === id))
      throw wrong(`set-default-sort-order: there is no sort order ${id}.`);
    return { ...metadata, 'default-sort-order-id': id };
  },
  'add-snapshot': addSnapshot,
  'set-snapshot-ref': setRef,
  'remove-snapshots': (metadata, update) => removeSnapshots(metadata, update['snapshot-ids']),
  'remove-snapshot-ref': (metadata, update) => {
    const { [update['ref-name']]: removed, ...refs } = metadata.refs;
    if (!removed) return metadata;
    return update['ref-name'] === 'main'
      ? { ...metadata, refs, 'current-snapshot-id': NO_SNAPSHOT, 'snapshot-log': [] }
      : { ...metadata, refs };
  },
  'set-location': (metadata, { location }) => ({
    ...metadata,
    location: location.replace(/\/$/, ''),
  }),
  'set-properties': (metadata, { updates }) => ({
    ...metadata,
    properties: { ...metadata.properties, ...updates },
  }),
  'remove-properties': (metadata, { removals }) => ({
    ...metadata,
    properties: Object.fromEntries(
      Object.entries(metadata.properties).filter(([name]) => !removals.includes(name)),
    ),
  }),
  'set-statistics': (metadata, { statistics }) => ({
    ...metadata,
    statistics: [...withoutSnapshot(metadata.statistics, statistics['snapshot-id']), statistics],
  }),
  'remove-statistics': (metadata, update) => ({
    ...metadata,
    statistics: withoutSnapshot(metadata.statistics, update['snapshot-id']),
  }),
  'set-partition-statistics': (metadata, update) => {
    const added = update['partition-statistics'];
    return {
      ...metadata,
      'partition-statistics': [
        ...withoutSnapshot(metadata['partition-statistics'], added['snapshot-id']),
        added,
      ],
    };
  },
  'remove-partition-statistics': (metadata, update) => ({
    ...metadata,
    'partition-statistics': withoutSnapshot(
      metadata['partition-statistics'],
      update['snapshot-id'],
    ),
  }),
  'remove-partition-specs': (metadata, update) => {
    const ids = update['spec-ids'];
    if (ids.includes(metadata['default-spec-id']))
      throw wrong('remove-partition-specs: the default partition spec cannot be removed.');
    return {
      ...metadata,
      'partition-specs': metadata['partition-specs'].filter(
        (spec) => !ids.includes(spec['spec-id']),
      ),
    };
  },
  'remove-schemas': (metadata, update) => {
    const ids = update['schema-ids'];
    if (ids.includes(metadata['current-schema-id']))
      throw wrong('remove-schemas: the current schema cannot be removed.');
    return {
      ...metadata,
      schemas: metadata.schemas.filter((schema) => !ids.includes(schema['schema-id'])),
    };
  },
  'add-encryption-key': (metadata, update) => ({
    ...metadata,
    'encryption-keys': [...(metadata['encryption-keys'] ?? []), update['encryption-key']],
  }),
  'remove-encryption-key': (metadata, update) => ({
    ...metadata,
    'encryption-keys': (metadata['encryption-keys'] ?? []).filter(
      (key) => key['key-id'] !== update['key-id'],
    ),
  }),
};

function lastAdded(id: number, added: number | undefined, what: string): number {
  if (id !== -1) return id;
  if (added === undefined)
    throw wrong(`-1 means the ${what} added last, but this commit adds none.`);
  return added;
}

const withoutSnapshot = (
  files: readonly StatisticsFile[] | undefined,
  snapshotId: Id,
): readonly StatisticsFile[] => (files ?? []).filter((file) => file['snapshot-id'] !== snapshotId);

function upgradeFormat(
  metadata: TableMetadata,
  update: { readonly 'format-version': number },
): TableMetadata {
  const version = update['format-version'];
  if (version === metadata['format-version']) return metadata;
  if (version < metadata['format-version'] || version > FORMAT_VERSION_MAX)
    throw wrong(
      `Format version ${metadata['format-version']} cannot become ${version}; at most ${FORMAT_VERSION_MAX} is supported.`,
    );
  const {
    schema: _schema,
    'partition-spec': _spec,
    ...kept
  } = metadata as TableMetadata & object as {
    schema?: unknown;
    'partition-spec'?: unknown;
  } & TableMetadata;
  return {
    ...kept,
    'format-version': version,
    ...(version >= 3 ? { 'next-row-id': metadata['next-row-id'] ?? 0 } : {}),
  };
}

function addSchema(
  metadata: TableMetadata,
  { schema }: { readonly schema: IcebergSchema },
  progress: Progress,
): TableMetadata {
  checkSchema(schema);
  const twin = metadata.schemas.find((known) => sameSchema(known, schema));
  const id = twin?.['schema-id'] ?? nextId(metadata.schemas.map((known) => known['schema-id']));
  progress.schemaId = id;
  if (twin) return metadata;
  return {
    ...metadata,
    'last-column-id': Math.max(metadata['last-column-id'], highestFieldId(schema.fields)),
    schemas: [...metadata.schemas, { ...schema, 'schema-id': id }],
  };
}

const sameSchema = (a: IcebergSchema, b: IcebergSchema): boolean =>
  JSON.stringify([a.fields, a['identifier-field-ids'] ?? []]) ===
  JSON.stringify([b.fields, b['identifier-field-ids'] ?? []]);

const nextId = (ids: readonly number[]): number => Math.max(-1, ...ids) + 1;

function highestFieldId(fields: readonly IcebergField[]): number {
  return fields.reduce((most, field) => Math.max(most, field.id, highestId(field.type)), 0);
}

function highestId(type: IcebergType): number {
  if (typeof type === 'string') return 0;
  switch (type.type) {
    case 'struct':
      return highestFieldId(type.fields);
    case 'list':
      return Math.max(type['element-id'], highestId(type.element));
    case 'map':
      return Math.max(type['key-id'], type['value-id'], highestId(type.key), highestId(type.value));
  }
}

function addSpec(
  metadata: TableMetadata,
  { spec }: { readonly spec: PartitionSpec },
  progress: Progress,
): TableMetadata {
  checkSpec(spec, metadata.schemas);
  let last = metadata['last-partition-id'];
  const fields = spec.fields.map((field): PartitionField => {
    if (field['field-id'] !== undefined) return field;
    last += 1;
    return { ...field, 'field-id': last };
  });
  const twin = metadata['partition-specs'].find((known) => sameFields(known.fields, fields));
  const id = twin?.['spec-id'] ?? nextId(metadata['partition-specs'].map((one) => one['spec-id']));
  progress.specId = id;
  if (twin) return metadata;
  return {
    ...metadata,
    'last-partition-id': Math.max(last, ...fields.map((field) => field['field-id'])),
    'partition-specs': [...metadata['partition-specs'], { 'spec-id': id, fields }],
  };
}

const sameFields = (a: readonly object[], b: readonly object[]): boolean =>
  JSON.stringify(a.map(sorted)) === JSON.stringify(b.map(sorted));
const sorted = (value: object): object =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

function addSortOrder(
  metadata: TableMetadata,
  update: { readonly 'sort-order': SortOrder },
  progress: Progress,
): TableMetadata {
  checkSortOrder(update['sort-order'], metadata.schemas);
  const { fields } = update['sort-order'];
  const twin = metadata['sort-orders'].find((known) => sameFields(known.fields, fields));
  // 0 is the order of what is not sorted.
  const id =
    twin?.['order-id'] ??
    (fields.length === 0
      ? 0
      : Math.max(1, nextId(metadata['sort-orders'].map((order) => order['order-id']))));
  progress.sortOrderId = id;
  if (twin) return metadata;
  return { ...metadata, 'sort-orders': [...metadata['sort-orders'], { 'order-id': id, fields }] };
}

/** What a Date can have. */
const TIME_MAX_MS = 8.64e15;

function addSnapshot(
  metadata: TableMetadata,
  { snapshot }: { readonly snapshot: Snapshot },
  progress: Progress,
): TableMetadata {
  const id = snapshot['snapshot-id'];
  if (snapshotOf(metadata, id)) throw wrong(`add-snapshot: snapshot ${id} is there already.`);
  if (Math.abs(snapshot['timestamp-ms']) > TIME_MAX_MS)
    throw wrong(`add-snapshot: timestamp-ms ${snapshot['timestamp-ms']} is no time.`);
  const version = metadata['format-version'];
  const sequence = snapshot['sequence-number'] ?? 0;
  if (
    version > 1 &&
    snapshot['parent-snapshot-id'] !== undefined &&
    sequence <= metadata['last-sequence-number']
  )
    throw conflict(
      `add-snapshot: sequence number ${sequence} was given to another commit; the last one is ${metadata['last-sequence-number']}`,
    );
  progress.added.add(id);
  return {
    ...metadata,
    ...(version >= 3 ? rowIdsAfter(metadata, snapshot) : {}),
    'last-sequence-number': Math.max(metadata['last-sequence-number'], sequence),
    snapshots: [...metadata.snapshots, snapshot],
  };
}

/** Row lineage (specification, version 3): each snapshot takes a range of row ids of its own. */
function rowIdsAfter(metadata: TableMetadata, snapshot: Snapshot): { 'next-row-id': number } {
  const next = metadata['next-row-id'] ?? 0;
  const [first, rows] = [snapshot['first-row-id'], snapshot['added-rows']];
  if (first === undefined || rows === undefined)
    throw wrong('add-snapshot: a snapshot of format version 3 needs first-row-id and added-rows.');
  if (first < next)
    throw conflict(
      `add-snapshot: row ids from ${first} were given already; the next one is ${next}`,
    );
  return { 'next-row-id': first + rows };
}

const conflict = (message: string): MillraceError =>
  new MillraceError(
    'MR_TABLE_COMMIT_CONFLICT',
    `${message}. Load the table again and commit anew.`,
  );

function setRef(
  metadata: TableMetadata,
  update: { readonly 'ref-name': string } & SnapshotRef,
  progress: Progress,
  nowMs: number,
): TableMetadata {
  const {
    action: _action,
    'ref-name': name,
    ...ref
  } = update as typeof update & { action: string };
  const id = ref['snapshot-id'];
  const snapshot = snapshotOf(metadata, id);
  if (!snapshot) throw wrong(`set-snapshot-ref: there is no snapshot ${id}.`);
  const refs = { ...metadata.refs, [name]: ref as SnapshotRef };
  if (name !== 'main') return { ...metadata, refs };
  if (ref.type !== 'branch') throw wrong("set-snapshot-ref: 'main' is a branch.");
  if (metadata['current-snapshot-id'] === id) return { ...metadata, refs };
  const timeMs = progress.added.has(id) ? snapshot['timestamp-ms'] : nowMs;
  return {
    ...metadata,
    refs,
    'current-snapshot-id': id,
    'snapshot-log': [...metadata['snapshot-log'], { 'snapshot-id': id, 'timestamp-ms': timeMs }],
  };
}

/** The history before a snapshot that is gone would have a hole, and goes too. */
export function removeSnapshots(metadata: TableMetadata, ids: readonly Id[]): TableMetadata {
  const gone = new Set<Id>(ids);
  if (gone.has(metadata['current-snapshot-id']))
    throw wrong('remove-snapshots: the current snapshot cannot be removed.');
  const log = metadata['snapshot-log'];
  const lastGone = log.findLastIndex((entry) => gone.has(entry['snapshot-id']));
  const stays = (file: { readonly 'snapshot-id': Id }) => !gone.has(file['snapshot-id']);
  return {
    ...metadata,
    snapshots: metadata.snapshots.filter(stays),
    refs: Object.fromEntries(Object.entries(metadata.refs).filter(([, ref]) => stays(ref))),
    'snapshot-log': log.slice(lastGone + 1),
    ...(metadata.statistics ? { statistics: metadata.statistics.filter(stays) } : {}),
    ...(metadata['partition-statistics']
      ? { 'partition-statistics': metadata['partition-statistics'].filter(stays) }
      : {}),
  };
}
