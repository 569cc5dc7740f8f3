import type { MillraceError } from '../../core/errors.ts';
import { icebergJson } from '../../lake/iceberg/json.ts';

/** How the REST catalog specification names what went wrong ("ErrorModel"): clients decide by it whether to try again. */
const TYPES: { readonly [code: string]: string } = {
  MR_TABLE_EXISTS: 'AlreadyExistsException',
  MR_TABLE_COMMIT_CONFLICT: 'CommitFailedException',
  MR_TABLE_COMMIT_UNKNOWN: 'CommitStateUnknownException',
  MR_NAMESPACE_NOT_EMPTY: 'NamespaceNotEmptyException',
  MR_ACCESS_UNAUTHENTICATED: 'NotAuthorizedException',
  MR_ACCESS_DENIED: 'ForbiddenException',
  MR_TABLE_DEFINED: 'ForbiddenException',
  MR_TABLE_LOCATION: 'ForbiddenException',
  MR_TABLE_UNSUPPORTED: 'UnsupportedOperationException',
  MR_LAKE_UNAVAILABLE: 'ServiceUnavailableException',
  MR_NOT_READY: 'ServiceUnavailableException',
  MR_STOPPING: 'ServiceUnavailableException',
  MR_OVERLOADED: 'ServiceUnavailableException',
};

const NOT_FOUND: { readonly [kind: string]: string } = {
  namespace: 'NoSuchNamespaceException',
  table: 'NoSuchTableException',
  view: 'NoSuchViewException',
};

function typeOf({ code, details, status }: MillraceError, route: string): string {
  if (code === 'MR_TABLE_NOT_FOUND')
    return NOT_FOUND[askedFor(route) ?? String(details['kind'])] ?? 'NoSuchTableException';
  if (details['isUnprocessable']) return 'UnprocessableEntityException';
  return TYPES[code] ?? (status < 500 ? 'BadRequestException' : 'InternalServerError');
}

/**
 * What is missing where an address names a table or view. Spark asks for `sales.snapshots` as table
 * `snapshots` of namespace `lake.sales` first, and looks further only when it is told that there is no such table.
 */
function askedFor(route: string): string | undefined {
  if (/\/:table\b|\/transactions\//.test(route)) return 'table';
  return /\/:view\b/.test(route) ? 'view' : undefined;
}

function statusOf({ code, details, status }: MillraceError): number {
  if (code === 'MR_TABLE_UNSUPPORTED') return 406;
  return details['isUnprocessable'] ? 422 : status;
}

/** `route`: its pattern. */
export function catalogError(
  error: MillraceError,
  route: string,
): { status: number; body: string } {
  const status = statusOf(error);
  return {
    status,
    body: icebergJson({
      error: {
        message: `${error.message} (${error.code})`,
        type: typeOf(error, route),
        code: status,
      },
    }),
  };
}

/** The token route speaks as RFC 6749 does (5.2). */
export function tokenError(error: MillraceError): { status: number; body: string } {
  const name = String(
    error.details['oauth'] ?? (error.status === 401 ? 'invalid_client' : 'invalid_request'),
  );
  return {
    status: error.status,
    body: icebergJson({ error: name, error_description: `${error.message} (${error.code})` }),
  };
}
