import { MillraceError } from '../../core/errors.ts';
import { checkSchema } from './check-metadata.ts';
import type { IcebergSchema } from './metadata.ts';

/** Views (Iceberg view specification, version 1): SQL in the dialects of those who wrote it. */
export interface ViewVersion {
  readonly 'version-id': number;
  readonly 'schema-id': number;
  readonly 'timestamp-ms': number;
  readonly summary: { readonly [name: string]: string };
  readonly representations: readonly {
    readonly type: string;
    readonly sql: string;
    readonly dialect: string;
  }[];
  readonly 'default-namespace': readonly string[];
  readonly 'default-catalog'?: string;
}

export interface ViewMetadata {
  readonly 'view-uuid': string;
  readonly 'format-version': number;
  readonly location: string;
  readonly schemas: readonly IcebergSchema[];
  readonly 'current-version-id': number;
  readonly versions: readonly ViewVersion[];
  readonly 'version-log': readonly {
    readonly 'version-id': number;
    readonly 'timestamp-ms': number;
  }[];
  readonly properties: { readonly [name: string]: string };
}

export type ViewRequirement = { readonly type: 'assert-view-uuid'; readonly uuid: string };

export type ViewUpdate =
  | { readonly action: 'assign-uuid'; readonly uuid: string }
  | { readonly action: 'upgrade-format-version'; readonly 'format-version': number }
  | { readonly action: 'add-schema'; readonly schema: IcebergSchema }
  | { readonly action: 'set-location'; readonly location: string }
  | { readonly action: 'set-properties'; readonly updates: { readonly [name: string]: string } }
  | { readonly action: 'remove-properties'; readonly removals: readonly string[] }
  | { readonly action: 'add-view-version'; readonly 'view-version': ViewVersion }
  | { readonly action: 'set-current-view-version'; readonly 'view-version-id': number };

const VERSIONS_KEPT = 10;

export function newView(view: {
  readonly uuid: string;
  readonly location: string;
  readonly schema: IcebergSchema;
  readonly version: ViewVersion;
  readonly properties: { readonly [name: string]: string };
}): ViewMetadata {
  const schema = { ...view.schema, 'schema-id': 0 };
  const version = { ...view.version, 'version-id': 1, 'schema-id': 0 };
  return {
    'view-uuid': view.uuid,
    'format-version': 1,
    location: view.location,
    schemas: [schema],
    'current-version-id': 1,
    versions: [version],
    'version-log': [{ 'version-id': 1, 'timestamp-ms': version['timestamp-ms'] }],
    properties: view.properties,
  };
}

/** @throws MillraceError MR_TABLE_COMMIT_INVALID, MR_TABLE_COMMIT_CONFLICT */
export function changeView(
  view: ViewMetadata,
  requirements: readonly ViewRequirement[],
  updates: readonly ViewUpdate[],
): ViewMetadata {
  for (const { uuid } of requirements)
    if (uuid !== view['view-uuid'])
      throw new MillraceError(
        'MR_TABLE_COMMIT_CONFLICT',
        `The view was replaced by another: its UUID is ${view['view-uuid']}.`,
      );
  let next = view;
  let schemaId: number | undefined;
  let versionId: number | undefined;
  for (const update of updates) {
    switch (update.action) {
      case 'assign-uuid':
      case 'upgrade-format-version':
        break;
      case 'add-schema': {
        checkSchema(update.schema);
        schemaId = Math.max(...next.schemas.map((schema) => schema['schema-id'])) + 1;
        const schema = { ...update.schema, 'schema-id': schemaId };
        next = { ...next, schemas: [...next.schemas, schema] };
        break;
      }
      case 'set-location':
        next = { ...next, location: update.location };
        break;
      case 'set-properties':
        next = { ...next, properties: { ...next.properties, ...update.updates } };
        break;
      case 'remove-properties': {
        const left = Object.entries(next.properties).filter(
          ([name]) => !update.removals.includes(name),
        );
        next = { ...next, properties: Object.fromEntries(left) };
        break;
      }
      case 'add-view-version': {
        const given = update['view-version'];
        versionId = Math.max(...next.versions.map((version) => version['version-id'])) + 1;
        const schema = given['schema-id'] === -1 ? schemaId : given['schema-id'];
        if (!next.schemas.some((one) => one['schema-id'] === schema))
          throw invalid(`add-view-version: the view has no schema ${given['schema-id']}.`);
        const version = {
          ...given,
          'version-id': versionId,
          'schema-id': schema as number,
        };
        next = { ...next, versions: kept([...next.versions, version], next) };
        break;
      }
      case 'set-current-view-version':
        next = current(next, update['view-version-id'], versionId);
        break;
      default:
        throw new MillraceError(
          'MR_TABLE_COMMIT_INVALID',
          `There is no update '${String((update as { action: unknown }).action)}' of a view.`,
        );
    }
  }
  return next;
}

const invalid = (message: string): MillraceError =>
  new MillraceError('MR_TABLE_COMMIT_INVALID', message);

/** The newest, and the one that is current. */
function kept(versions: readonly ViewVersion[], view: ViewMetadata): ViewVersion[] {
  const first = versions.length - VERSIONS_KEPT;
  return versions.filter(
    (version, index) => index >= first || version['version-id'] === view['current-version-id'],
  );
}

function current(view: ViewMetadata, id: number, added: number | undefined): ViewMetadata {
  const version = view.versions.find((one) => one['version-id'] === (id === -1 ? added : id));
  if (!version)
    throw new MillraceError('MR_TABLE_COMMIT_INVALID', `The view has no version ${id}.`);
  const entry = {
    'version-id': version['version-id'],
    'timestamp-ms': version['timestamp-ms'],
  };
  return {
    ...view,
    'current-version-id': version['version-id'],
    'version-log': [...view['version-log'], entry],
  };
}
