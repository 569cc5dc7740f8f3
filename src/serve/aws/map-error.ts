import { asMillraceError, type MillraceError, systemErrorCode } from '../../core/errors.ts';
import { AwsError } from '../../wire/aws-api/aws-error.ts';

export type AwsService = 'kinesis' | 'firehose';

/** What programs repeat by themselves, after a while that grows. */
const THROTTLED: { readonly [S in AwsService]: string } = {
  kinesis: 'ProvisionedThroughputExceededException',
  firehose: 'ServiceUnavailableException',
};

/** Our errors as those of AWS that mean the same to a program: give up, wait, or correct the request. */
export function asAwsError(error: unknown, service: AwsService): AwsError {
  if (error instanceof AwsError) return error;
  // Nobody is there to be answered; it is no defect of ours.
  if (systemErrorCode(error) === 'ECONNRESET')
    return new AwsError('RequestAborted', 'The connection broke before the request had ended.');
  const known = asMillraceError(error, 'MR_INTERNAL');
  switch (known.code) {
    case 'MR_OVERLOADED':
    case 'MR_RESHARDED':
      return new AwsError(THROTTLED[service], text(known), service === 'kinesis' ? 400 : 503);
    case 'MR_NOT_READY':
    case 'MR_STOPPING':
      return new AwsError('ServiceUnavailable', text(known), 503);
    case 'MR_ACCESS_DENIED':
    case 'MR_REQUEST_HOST':
      return new AwsError('AccessDeniedException', text(known));
    default:
      return known.status < 500
        ? new AwsError('InvalidArgumentException', text(known))
        : new AwsError('InternalFailure', text(known), 500);
  }
}

const text = ({ code, message }: MillraceError): string => `${code}: ${message}`;
