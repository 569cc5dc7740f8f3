import { MillraceError } from '../../core/errors.ts';
import { currentSchema } from '../iceberg/metadata.ts';
import { fieldMap, partsOf } from '../iceberg/schema.ts';
import type { TableUpdate } from '../iceberg/updates.ts';
import type { FileTable } from './file-table.ts';

/** What our own properties of a table begin with. */
const OWN_PROPERTIES = 'millrace.';

/**
 * C4: what other programs may not do to a table of the pipeline.
 * @throws MillraceError MR_TABLE_DEFINED saying where to do it instead
 */
export function requireOwnerAllows(table: FileTable, updates: readonly TableUpdate[]): void {
  if (!table.isDefined) return;
  for (const update of updates) {
    const why = refusal(table, update);
    if (why !== undefined)
      throw new MillraceError(
        'MR_TABLE_DEFINED',
        `${table.namespace}.${table.name} belongs to a definition of the pipeline: ${why}`,
      );
  }
}

function refusal(table: FileTable, update: TableUpdate): string | undefined {
  switch (update.action) {
    case 'set-location':
      return update.location.replace(/\/$/, '') === table.metadata.location
        ? undefined
        : 'its place is in the data folder.';
    case 'upgrade-format-version':
      return update['format-version'] > table.metadata['format-version']
        ? `it is written with format version ${table.metadata['format-version']}, and would not be delivered to any more.`
        : undefined;
    case 'set-properties':
      return ownProperty(
        Object.keys(update.updates).filter(
          (name) => update.updates[name] !== table.metadata.properties[name],
        ),
      );
    case 'remove-properties':
      return ownProperty(update.removals);
    case 'add-schema': {
      const kept = new Set([...partsOf(update.schema.fields).values()].map(({ id }) => id));
      const { metadata } = table;
      const map = fieldMap(currentSchema(metadata), metadata.properties);
      const lost = Object.entries(map).find(([, { id }]) => !kept.has(id));
      return lost
        ? `its column '${lost[0].split('\u001f').join('.')}' cannot be dropped here. Take the field out of the definition.`
        : undefined;
    }
    default:
      return undefined;
  }
}

function ownProperty(names: readonly string[]): string | undefined {
  const own = names.find((name) => name.startsWith(OWN_PROPERTIES));
  return own && `property '${own}' says how far it was delivered, and only a delivery changes it.`;
}
