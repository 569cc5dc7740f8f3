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

function typeOf({ code, details, status }: MillraceError): string {
  if (code === 'MR_TABLE_NOT_FOUND')
    return NOT_FOUND[String(details['kind'])] ?? 'NoSuchTableException';
  return TYPES[code] ?? (status < 500 ? 'BadRequestException' : 'InternalServerError');
}

/** Not implemented is 406 there. */
const statusOf = (error: MillraceError): number =>
  error.code === 'MR_TABLE_UNSUPPORTED' ? 406 : error.status;

export function catalogError(error: MillraceError): { status: number; body: string } {
  const status = statusOf(error);
  return {
    status,
    body: icebergJson({
      error: { message: `${error.message} (${error.code})`, type: typeOf(error), code: status },
    }),
  };
}
