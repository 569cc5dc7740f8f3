import { MillraceError } from '../../core/errors.ts';

export function stillRunning(key: string): MillraceError {
  return new MillraceError(
    'MR_REQUEST_CONFLICT',
    `The first request with Idempotency-Key ${JSON.stringify(key)} is still running. Repeat this one a little later.`,
  );
}

export function resharded(name: string): MillraceError {
  return new MillraceError(
    'MR_RESHARDED',
    `The shards of stream '${name}' changed while the records were on their way. Send them again.`,
  );
}
