import { AwsError } from '../../wire/aws-api/aws-error.ts';
import {
  checkTime,
  parseSignature,
  type SignedRequest,
  verifySignature,
} from '../../wire/aws-api/sigv4.ts';
import type { Principal, Services } from '../services.ts';
import type { Operation } from './operation.ts';

export interface Caller {
  /** Undefined where nobody is asked who he is. */
  readonly principal: Principal | undefined;
  readonly region: string;
  /** Holds the body against the signature, once it is there. @throws AwsError InvalidSignatureException */
  verify(body: Buffer): void;
}

/** All of a request but its body. */
type RequestHead = Omit<SignedRequest, 'body'>;

const nothingToVerify = (): void => {};

const DEFAULT_REGION = 'us-east-1';
const BEARER = /^Bearer (\S+)$/;

/** Who asks, by a signature or a bearer key, before its body is read. In `dev` signatures are taken unseen. @throws AwsError */
export function whoCalls(request: RequestHead, services: Services): Caller {
  const { authorization } = request.headers;
  const bearer = typeof authorization === 'string' ? BEARER.exec(authorization)?.[1] : undefined;
  if (!services.requiresKeys)
    return { principal: undefined, region: regionOf(request), verify: nothingToVerify };
  if (bearer !== undefined) {
    const principal = services.authenticate(bearer);
    if (principal) return { principal, region: DEFAULT_REGION, verify: nothingToVerify };
    throw unknownKey();
  }
  const signature = parseSignature(request);
  const signer = services.signer(signature.keyId);
  if (!signer) throw unknownKey();
  const nowMs = services.clock.now();
  checkTime(signature, nowMs);
  return {
    principal: signer.principal,
    region: signature.region,
    verify: (body) =>
      verifySignature({ ...request, body }, signature, { secret: signer.secret, nowMs }),
  };
}

const unknownKey = (): AwsError =>
  new AwsError(
    'UnrecognizedClientException',
    'The security token included in the request is invalid. Sign with the id and the secret of a key that `millrace keys create` made.',
  );

/** Of the credential's scope: `key/date/region/service/aws4_request`. */
function regionOf({ headers }: RequestHead): string {
  const { authorization } = headers;
  const text = typeof authorization === 'string' ? authorization : '';
  return /Credential=[^/,]+\/\d+\/([a-z0-9-]+)\//.exec(text)?.[1] ?? DEFAULT_REGION;
}

/** @throws AwsError AccessDeniedException */
export function checkRoles({ principal }: Caller, { roles }: Operation, name: string): void {
  if (!principal || principal.roles.includes('admin')) return;
  if (roles.some((role) => principal.roles.includes(role))) return;
  throw new AwsError(
    'AccessDeniedException',
    `Key ${principal.id} has the roles ${principal.roles.join(', ')} and is not authorized to perform: ${name}, which needs ${[...new Set([...roles, 'admin'])].join(' or ')}.`,
  );
}
