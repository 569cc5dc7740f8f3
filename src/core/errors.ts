import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

export interface ErrorDetails {
  readonly [name: string]:
    | string
    | number
    | boolean
    | null
    | readonly (string | object)[]
    | undefined;
}

/**
 * Every error a user can meet. `message` says what, which name, and what to do; `code` is from the
 * one table; `details` are for programs.
 */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: ErrorDetails } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

/** The error as a `MillraceError`; anything else becomes `fallback`, with the original as cause. */
export function asMillraceError(error: unknown, fallback: ErrorCode): MillraceError {
  if (error instanceof MillraceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new MillraceError(fallback, message, { cause: error });
}

/** The `code` of a system error (`ENOENT`, …), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** No space, or none left of a quota: Node, LMDB and DuckDB each say it in their way. */
export function isDiskFull(error: unknown): boolean {
  if (error instanceof MillraceError) return error.code === 'MR_STORAGE_FULL';
  const code = systemErrorCode(error);
  if (code !== undefined) return code === 'ENOSPC' || code === 'EDQUOT';
  return (
    error instanceof Error && /No space left on device|Disk quota exceeded/i.test(error.message)
  );
}

/** Throws if `condition` does not hold: a defect of ours, never a user's mistake. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new MillraceError('MR_INTERNAL', `Defect: ${message}`);
}
