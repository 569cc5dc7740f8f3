import type { ErrorCode } from '../../src/core/error-codes.ts';

/** What the server answers when something is wrong, and what happens when it does not answer. */
export class ApiError extends Error {
  /** `MR_…`, or `NETWORK` where no answer came. */
  readonly code: ErrorCode | 'NETWORK';
  readonly status: number;
  readonly details: { readonly [name: string]: unknown };

  constructor(
    code: ErrorCode | 'NETWORK',
    message: string,
    { status = 0, details = {} }: { status?: number; details?: ApiError['details'] } = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

const unauthenticated = new EventTarget();

/** `listener` is called when an answer says that a login is needed. */
export function onLoginNeeded(listener: () => void): () => void {
  unauthenticated.addEventListener('needed', listener);
  return () => unauthenticated.removeEventListener('needed', listener);
}

/** The answer's JSON. @throws ApiError; what `signal` was aborted with where it was. */
export async function api<T>(path: string, request: ApiRequest = {}): Promise<T> {
  const response = await apiResponse(path, request);
  try {
    return (await response.json()) as T;
  } catch (error) {
    request.signal?.throwIfAborted();
    throw new ApiError(
      'NETWORK',
      `The answer to ${path} broke off: ${(error as Error).message}. Try again.`,
    );
  }
}

/** The answer itself, for what is not JSON. @throws as `api` */
export async function apiResponse(path: string, request: ApiRequest = {}): Promise<Response> {
  const { method = 'GET', body, signal } = request;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      ...(signal ? { signal } : {}),
    });
  } catch {
    signal?.throwIfAborted();
    throw new ApiError(
      'NETWORK',
      'The pipeline does not answer. Is it running? It is asked again by itself.',
    );
  }
  if (response.ok) return response;
  throw await refusal(response);
}

async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  let error: { code?: unknown; message?: unknown; [detail: string]: unknown } = {};
  try {
    error = (JSON.parse(text) as { error?: typeof error }).error ?? {};
  } catch {
    // Something between the page and the server has answered, a proxy for example.
  }
  const { code, message, ...details } = error;
  if (response.status === 401) unauthenticated.dispatchEvent(new Event('needed'));
  return new ApiError(
    typeof code === 'string' ? (code as ErrorCode) : 'MR_INTERNAL',
    typeof message === 'string' ? message : `The server answered ${response.status}.`,
    { status: response.status, details },
  );
}

export interface SqlResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
  readonly rowCount: number;
}

/** What the page itself asks: nobody looks for it among what he asked. */
export function querySql(sql: string, signal?: AbortSignal): Promise<SqlResult> {
  return api('/v1/sql', { method: 'POST', body: { sql, history: false }, signal });
}
