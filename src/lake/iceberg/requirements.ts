import { MillraceError } from '../../core/errors.ts';
import type { Id } from './json.ts';
import type { TableMetadata } from './metadata.ts';

/** What a commit was made on (REST catalog specification, `TableRequirement`). */
export type Requirement =
  | { readonly type: 'assert-create' }
  | { readonly type: 'assert-table-uuid'; readonly uuid: string }
  | {
      readonly type: 'assert-ref-snapshot-id';
      readonly ref: string;
      readonly 'snapshot-id'?: Id | null;
    }
  | { readonly type: 'assert-last-assigned-field-id'; readonly 'last-assigned-field-id': number }
  | { readonly type: 'assert-current-schema-id'; readonly 'current-schema-id': number }
  | {
      readonly type: 'assert-last-assigned-partition-id';
      readonly 'last-assigned-partition-id': number;
    }
  | { readonly type: 'assert-default-spec-id'; readonly 'default-spec-id': number }
  | { readonly type: 'assert-default-sort-order-id'; readonly 'default-sort-order-id': number };

/** @throws MillraceError MR_TABLE_COMMIT_CONFLICT where the commit was made on another state of the table */
export function requireMet(
  requirements: readonly Requirement[],
  metadata: TableMetadata,
  table: string,
): void {
  const why = unmet(requirements, metadata);
  if (why !== undefined)
    throw new MillraceError(
      'MR_TABLE_COMMIT_CONFLICT',
      `The commit of ${table} was made on another state of the table: ${why}. Load the table again and commit anew.`,
    );
}

/** Why the commit does not fit the table any more, in words; undefined where it does. */
export function unmet(
  requirements: readonly Requirement[],
  metadata: TableMetadata | undefined,
): string | undefined {
  for (const requirement of requirements) {
    const why = unmetOne(requirement, metadata);
    if (why !== undefined) return why;
  }
  return undefined;
}

function unmetOne(
  requirement: Requirement,
  metadata: TableMetadata | undefined,
): string | undefined {
  if (requirement.type === 'assert-create')
    return metadata ? 'the table exists already' : undefined;
  if (!metadata) return 'the table does not exist';
  switch (requirement.type) {
    case 'assert-table-uuid':
      return differs(
        'table UUID',
        requirement.uuid.toLowerCase(),
        metadata['table-uuid'].toLowerCase(),
      );
    case 'assert-ref-snapshot-id': {
      const is = metadata.refs[requirement.ref]?.['snapshot-id'];
      return differs(
        `snapshot of '${requirement.ref}'`,
        requirement['snapshot-id'] ?? 'none',
        is ?? 'none',
      );
    }
    case 'assert-last-assigned-field-id':
      return differs(
        'last assigned field id',
        requirement['last-assigned-field-id'],
        metadata['last-column-id'],
      );
    case 'assert-current-schema-id':
      return differs(
        'current schema',
        requirement['current-schema-id'],
        metadata['current-schema-id'],
      );
    case 'assert-last-assigned-partition-id':
      return differs(
        'last assigned partition id',
        requirement['last-assigned-partition-id'],
        metadata['last-partition-id'],
      );
    case 'assert-default-spec-id':
      return differs(
        'default partition spec',
        requirement['default-spec-id'],
        metadata['default-spec-id'],
      );
    case 'assert-default-sort-order-id':
      return differs(
        'default sort order',
        requirement['default-sort-order-id'],
        metadata['default-sort-order-id'],
      );
  }
}

function differs(what: string, expected: Id | string, is: Id | string): string | undefined {
  return expected === is ? undefined : `${what} changed: expected ${expected}, is ${is}`;
}
