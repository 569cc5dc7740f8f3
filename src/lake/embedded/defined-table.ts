import { MillraceError } from '../../core/errors.ts';
import { currentSchema, type IcebergField, type TableMetadata } from '../iceberg/metadata.ts';
import { fieldMap, partsOf, widensTo } from '../iceberg/schema.ts';
import type { FileTable } from './file-table.ts';

/** What our own properties of a table begin with. */
const OWN_PROPERTIES = 'millrace.';

/**
 * C4: what other programs may not make of a table.
 * @throws MillraceError MR_TABLE_DEFINED saying where to do it instead; MR_TABLE_COMMIT_INVALID
 */
export function requireOwnerAllows(table: FileTable, after: TableMetadata): void {
  const before = table.metadata;
  if (after['table-uuid'] !== before['table-uuid'])
    throw new MillraceError(
      'MR_TABLE_COMMIT_INVALID',
      `assign-uuid: ${table.namespace}.${table.name} has the UUID ${before['table-uuid']}, which is its own for ever.`,
    );
  const why =
    changedOwnProperty(before.properties, after.properties) ??
    (table.isDefined ? refusal(before, after) : undefined);
  if (why !== undefined)
    throw new MillraceError(
      'MR_TABLE_DEFINED',
      table.isDefined
        ? `${table.namespace}.${table.name} belongs to a definition of the pipeline: ${why}`
        : `${table.namespace}.${table.name}: ${why}`,
    );
}

/** A new table of another program has none of ours. */
export function requireForeign(properties: TableMetadata['properties']): void {
  const why = changedOwnProperty({}, properties);
  if (why !== undefined) throw new MillraceError('MR_TABLE_DEFINED', `A new table: ${why}`);
}

export function withoutOwn(properties: TableMetadata['properties']): TableMetadata['properties'] {
  return Object.fromEntries(
    Object.entries(properties).filter(([name]) => !name.startsWith(OWN_PROPERTIES)),
  );
}

function changedOwnProperty(
  before: TableMetadata['properties'],
  after: TableMetadata['properties'],
): string | undefined {
  const own = [...Object.keys(before), ...Object.keys(after)].find(
    (name) => name.startsWith(OWN_PROPERTIES) && before[name] !== after[name],
  );
  return own && `property '${own}' is millrace's own, and only a delivery changes it.`;
}

function refusal(before: TableMetadata, after: TableMetadata): string | undefined {
  if (after.location !== before.location) return 'its place is in the data folder.';
  if (after['format-version'] !== before['format-version'])
    return `it is written with format version ${before['format-version']}, and would not be delivered to any more.`;
  const known = new Map(partsOfSchema(before).map((part) => [part.id, part]));
  const now = new Map(partsOfSchema(after).map((part) => [part.id, part]));
  const map = fieldMap(currentSchema(before), before.properties);
  for (const [path, { id }] of Object.entries(map)) {
    const [was, is] = [known.get(id), now.get(id)];
    const name = path.split('\u001f').join('.');
    if (!is)
      return `its column '${name}' cannot be dropped here. Take the field out of the definition.`;
    if (was && !widensTo(was.type, is.type))
      return `its column '${name}' cannot become another type here. Change the field in the definition.`;
    if (was && is.required && !was.required)
      return `its column '${name}' cannot become required here: rows without it are delivered.`;
  }
  const added = currentSchema(after).fields.find(
    (field: IcebergField) => field.required && !known.has(field.id),
  );
  return added && `the new column '${added.name}' must be optional: deliveries know nothing of it.`;
}

const partsOfSchema = (metadata: TableMetadata) => [
  ...partsOf(currentSchema(metadata).fields).values(),
];
