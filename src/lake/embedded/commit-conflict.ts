import { MillraceError } from '../../core/errors.ts';
import type { ExpectedProperties, LakeTable } from '../table-store.ts';

type Named = Pick<LakeTable, 'namespace' | 'name'>;

export function commitConflict({ namespace, name }: Named, why: string): MillraceError {
  return new MillraceError(
    'MR_TABLE_COMMIT_CONFLICT',
    `The commit of ${namespace}.${name} was made on another state of the table: ${why}. Load the table again and commit anew.`,
  );
}

export function commitUnknown({ namespace, name }: Named, cause: Error): MillraceError {
  return new MillraceError(
    'MR_TABLE_COMMIT_UNKNOWN',
    `It is not known whether a commit of ${namespace}.${name} was made: ${cause.message}`,
    { cause },
  );
}

/** What was written upon another state than this would be in the table twice. */
export function requireProperties(
  table: Named & Pick<LakeTable, 'properties'>,
  expected: ExpectedProperties,
): void {
  for (const [name, value] of Object.entries(expected)) {
    const now = table.properties[name];
    if (now !== value)
      throw commitConflict(table, `${name} is ${now ?? 'not set'}, and was ${value ?? 'not set'}`);
  }
}
