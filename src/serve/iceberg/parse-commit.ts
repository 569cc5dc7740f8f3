import { MillraceError } from '../../core/errors.ts';
import type { TableChange, TableRequest, ViewChange, ViewRequest } from '../../lake/catalog.ts';
import type { Snapshot, SnapshotRef, StatisticsFile } from '../../lake/iceberg/metadata.ts';
import type { Requirement } from '../../lake/iceberg/requirements.ts';
import type { TableUpdate } from '../../lake/iceberg/updates.ts';
import type { ViewRequirement, ViewUpdate, ViewVersion } from '../../lake/iceberg/view.ts';
import { id, integer, type JsonObject, list, maybe, object, text, texts } from './parse.ts';
import { partitionSpec, schema, sortOrder } from './parse-schema.ts';

/** Bodies that make or change tables and views, as the REST catalog specification has them. */

type Member = (value: unknown, path: string) => unknown;
interface Members {
  readonly [name: string]: Member;
}

/** Only the members that are known, each parsed; what is optional is left out where it is absent. */
function members(given: JsonObject, path: string, known: Members, optional: Members = {}): object {
  const parsed: { [name: string]: unknown } = {};
  for (const [name, parse] of Object.entries(known))
    parsed[name] = parse(given[name], `${path}.${name}`);
  for (const [name, parse] of Object.entries(optional)) {
    const value = maybe(given[name], `${path}.${name}`, parse);
    if (value !== undefined) parsed[name] = value;
  }
  return parsed;
}

const ids: Member = (value, path) => list(value, path, id);
const integers: Member = (value, path) => list(value, path, integer);

function summary(value: unknown, path: string): Snapshot['summary'] {
  const given = texts(value, path);
  return { ...given, operation: text(given['operation'], `${path}.operation`) };
}

const snapshot: Member = (value, path) =>
  members(
    object(value, path),
    path,
    { 'snapshot-id': id, 'timestamp-ms': integer, 'manifest-list': text, summary },
    {
      'parent-snapshot-id': id,
      'sequence-number': integer,
      'schema-id': integer,
      'first-row-id': integer,
      'added-rows': integer,
      'key-id': text,
    },
  );

const REF: Members = { 'snapshot-id': id, type: refType };
const REF_AGES: Members = {
  'min-snapshots-to-keep': integer,
  'max-snapshot-age-ms': integer,
  'max-ref-age-ms': integer,
};

function refType(value: unknown, path: string): SnapshotRef['type'] {
  return text(value, path) === 'tag' ? 'tag' : 'branch';
}

/** Kept as they come, where they have what the specification asks. */
const partitionStatistics = (value: unknown, path: string): StatisticsFile => {
  const given = object(value, path);
  integer(given['file-size-in-bytes'], `${path}.file-size-in-bytes`);
  return {
    ...given,
    'snapshot-id': id(given['snapshot-id'], `${path}.snapshot-id`),
    'statistics-path': text(given['statistics-path'], `${path}.statistics-path`),
  };
};

const statistics = (value: unknown, path: string): StatisticsFile => {
  const given = object(value, path);
  integer(given['file-footer-size-in-bytes'], `${path}.file-footer-size-in-bytes`);
  list(given['blob-metadata'], `${path}.blob-metadata`, blob);
  return partitionStatistics(given, path);
};

const blob: Member = (value, path) =>
  members(object(value, path), path, {
    type: text,
    'snapshot-id': id,
    'sequence-number': integer,
    fields: integers,
  });

const encryptionKey: Member = (value, path) => {
  const given = object(value, path);
  return { ...given, 'key-id': text(given['key-id'], `${path}.key-id`) };
};

const UPDATES: { readonly [A in TableUpdate['action']]: readonly [Members, Members?] } = {
  'assign-uuid': [{ uuid: text }],
  'upgrade-format-version': [{ 'format-version': integer }],
  'add-schema': [{ schema }],
  'set-current-schema': [{ 'schema-id': integer }],
  'add-spec': [{ spec: partitionSpec }],
  'set-default-spec': [{ 'spec-id': integer }],
  'add-sort-order': [{ 'sort-order': sortOrder }],
  'set-default-sort-order': [{ 'sort-order-id': integer }],
  'add-snapshot': [{ snapshot }],
  'set-snapshot-ref': [{ 'ref-name': text, ...REF }, REF_AGES],
  'remove-snapshots': [{ 'snapshot-ids': ids }],
  'remove-snapshot-ref': [{ 'ref-name': text }],
  'set-location': [{ location: text }],
  'set-properties': [{ updates: texts }],
  'remove-properties': [{ removals: (value, path) => list(value, path, text) }],
  'set-statistics': [{ statistics }],
  'remove-statistics': [{ 'snapshot-id': id }],
  'set-partition-statistics': [{ 'partition-statistics': partitionStatistics }],
  'remove-partition-statistics': [{ 'snapshot-id': id }],
  'remove-partition-specs': [{ 'spec-ids': integers }],
  'remove-schemas': [{ 'schema-ids': integers }],
  'add-encryption-key': [{ 'encryption-key': encryptionKey }],
  'remove-encryption-key': [{ 'key-id': text }],
};

const REQUIREMENTS: { readonly [T in Requirement['type']]: readonly [Members, Members?] } = {
  'assert-create': [{}],
  'assert-table-uuid': [{ uuid: text }],
  'assert-ref-snapshot-id': [{ ref: text }, { 'snapshot-id': id }],
  'assert-last-assigned-field-id': [{ 'last-assigned-field-id': integer }],
  'assert-current-schema-id': [{ 'current-schema-id': integer }],
  'assert-last-assigned-partition-id': [{ 'last-assigned-partition-id': integer }],
  'assert-default-spec-id': [{ 'default-spec-id': integer }],
  'assert-default-sort-order-id': [{ 'default-sort-order-id': integer }],
};

/** One of several forms, told apart by a member. */
function oneOf<T>(
  kind: string,
  forms: { readonly [name: string]: readonly [Members, Members?] },
): (value: unknown, path: string) => T {
  return (value, path) => {
    const given = object(value, path);
    // An earlier form of the specification writes "ref-name" and the like the same, and leaves "type" out.
    const name = text(given[kind], `${path}.${kind}`);
    const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
    if (!form)
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        `${path}.${kind}: '${name}' is not known. Known are: ${Object.keys(forms).join(', ')}.`,
      );
    return { [kind]: name, ...members(given, path, ...form) } as T;
  };
}

const update = oneOf<TableUpdate>('action', UPDATES);
const requirement = oneOf<Requirement>('type', REQUIREMENTS);

export function tableChange(value: unknown, path: string): TableChange {
  const given = object(value, path);
  return {
    requirements: list(given['requirements'] ?? [], `${path}.requirements`, requirement),
    updates: list(given['updates'] ?? [], `${path}.updates`, update),
  };
}

export function tableRequest(value: unknown, path: string): TableRequest {
  const given = object(value, path);
  return {
    schema: schema(given['schema'], `${path}.schema`),
    location: maybe(given['location'], `${path}.location`, text),
    spec: maybe(given['partition-spec'], `${path}.partition-spec`, partitionSpec),
    sortOrder: maybe(given['write-order'], `${path}.write-order`, sortOrder),
    properties: maybe(given['properties'], `${path}.properties`, texts) ?? {},
  };
}

const representation: Member = (value, path) =>
  members(object(value, path), path, { type: text, sql: text, dialect: text });

const viewVersion = (value: unknown, path: string): ViewVersion =>
  members(
    object(value, path),
    path,
    {
      'version-id': integer,
      'schema-id': integer,
      'timestamp-ms': integer,
      summary: texts,
      representations: (some, at) => list(some, at, representation),
      'default-namespace': (names, at) => list(names, at, text),
    },
    { 'default-catalog': text },
  ) as ViewVersion;

const VIEW_UPDATES: { readonly [A in ViewUpdate['action']]: readonly [Members, Members?] } = {
  'assign-uuid': [{ uuid: text }],
  'upgrade-format-version': [{ 'format-version': integer }],
  'add-schema': [{ schema }],
  'set-location': [{ location: text }],
  'set-properties': [{ updates: texts }],
  'remove-properties': [{ removals: (value, path) => list(value, path, text) }],
  'add-view-version': [{ 'view-version': viewVersion }],
  'set-current-view-version': [{ 'view-version-id': integer }],
};

const viewUpdate = oneOf<ViewUpdate>('action', VIEW_UPDATES);
const viewRequirement = oneOf<ViewRequirement>('type', { 'assert-view-uuid': [{ uuid: text }] });

export function viewChange(value: unknown, path: string): ViewChange {
  const given = object(value, path);
  return {
    requirements: list(given['requirements'] ?? [], `${path}.requirements`, viewRequirement),
    updates: list(given['updates'] ?? [], `${path}.updates`, viewUpdate),
  };
}

export function viewRequest(value: unknown, path: string): ViewRequest {
  const given = object(value, path);
  return {
    schema: schema(given['schema'], `${path}.schema`),
    version: viewVersion(given['view-version'], `${path}.view-version`),
    location: maybe(given['location'], `${path}.location`, text),
    properties: maybe(given['properties'], `${path}.properties`, texts) ?? {},
  };
}
