import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { AwsError } from './aws-error.ts';

/** A request as it was signed. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  /** Names in small letters. */
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  readonly body: Buffer;
}

/** What the Authorization header says (AWS General Reference, Signature Version 4). */
export interface Signature {
  readonly keyId: string;
  /** `date/region/service/aws4_request` */
  readonly scope: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `20261122T101500Z` */
  readonly time: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const CLOCK_SKEW_MS = 5 * 60_000;
const PARAMETERS = ['Credential', 'Signature', 'SignedHeaders'];

/** @throws AwsError MissingAuthenticationTokenException, IncompleteSignatureException */
export function parseSignature({ headers }: Pick<SignedRequest, 'headers'>): Signature {
  const header = textOf(headers['authorization']);
  if (header === undefined)
    throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const given = new Map(
    header
      .replace(/^\S+\s*/, '')
      .split(',')
      .map((part) => part.trim().split('=') as [string, string])
      .map(([name, ...value]) => [name, value.join('=')]),
  );
  const time = textOf(headers['x-amz-date']);
  const missing = PARAMETERS.filter((name) => !given.get(name)).map(
    (name) => `Authorization header requires '${name}' parameter.`,
  );
  if (time === undefined)
    missing.push("Authorization header requires existence of a 'X-Amz-Date' header.");
  if (!header.startsWith(`${ALGORITHM} `))
    missing.unshift(`Authorization header requires the algorithm ${ALGORITHM}.`);
  const [keyId = '', date, region, service, end] = (given.get('Credential') ?? '').split('/');
  if (missing.length === 0 && (end !== 'aws4_request' || !date || !region || !service))
    missing.push("Credential must be of the form 'key/date/region/service/aws4_request'.");
  if (missing.length > 0 || time === undefined)
    throw new AwsError('IncompleteSignatureException', missing.join(' '));
  return {
    keyId,
    scope: `${date}/${region}/${service}/aws4_request`,
    region: region as string,
    service: service as string,
    signedHeaders: (given.get('SignedHeaders') as string).split(';'),
    signature: given.get('Signature') as string,
    time,
  };
}

/** @throws AwsError InvalidSignatureException where the request was signed by another secret, changed since, or long ago */
export function verifySignature(
  request: SignedRequest,
  parsed: Signature,
  { secret, nowMs }: { readonly secret: string; readonly nowMs: number },
): void {
  checkTime(parsed, nowMs);
  const expected = Buffer.from(signatureOf(request, parsed, secret));
  const given = Buffer.from(parsed.signature);
  if (given.length === expected.length && timingSafeEqual(given, expected)) return;
  throw new AwsError(
    'InvalidSignatureException',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  );
}

/** @throws AwsError InvalidSignatureException, IncompleteSignatureException where it was signed at another time */
export function checkTime({ time, scope }: Signature, nowMs: number): void {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  if (second === undefined)
    throw new AwsError(
      'IncompleteSignatureException',
      `Date must be in ISO-8601 'basic format'. Got '${time}'.`,
    );
  const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Math.abs(nowMs - signedMs) > CLOCK_SKEW_MS)
    throw new AwsError(
      'InvalidSignatureException',
      `Signature ${signedMs < nowMs ? 'expired' : 'not yet current'}: ${time} is more than 5 minutes from ${basic(nowMs)}.`,
    );
  if (!scope.startsWith(`${year}${month}${day}/`))
    throw new AwsError(
      'InvalidSignatureException',
      `Credential should be scoped to a valid date: '${scope}' is not of ${time}.`,
    );
}

const basic = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');

/** The signature the request should have, in hexadecimal. */
export function signatureOf(
  request: SignedRequest,
  { scope, signedHeaders, time }: Pick<Signature, 'scope' | 'signedHeaders' | 'time'>,
  secret: string,
): string {
  const toSign = [ALGORITHM, time, scope, sha256(canonicalRequest(request, signedHeaders))];
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of scope.split('/')) key = hmac(key, part);
  return hmac(key, toSign.join('\n')).toString('hex');
}

/** All services but S3 encode and normalise the path once more. */
export function canonicalRequest(
  { method, url, headers, body }: SignedRequest,
  signedHeaders: readonly string[],
): string {
  const [path = '/', ...query] = url.split('?');
  const lines = signedHeaders.map((name) => `${name}:${headerValue(headers[name])}`);
  return [
    method,
    canonicalPath(path),
    canonicalQuery(query.join('?')),
    ...lines,
    '',
    signedHeaders.join(';'),
    // A header that says another one does not make it right.
    sha256(body),
  ].join('\n');
}

function canonicalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(encode(part));
  }
  const isFolder = /\/\.{0,2}$/.test(path) && parts.length > 0;
  return `/${parts.join('/')}${isFolder ? '/' : ''}`;
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  return query
    .split('&')
    .map((part) => {
      const [name = '', ...value] = part.split('=');
      return [encode(decoded(name)), encode(decoded(value.join('=')))] as const;
    })
    .sort(([a, b], [c, d]) => (a < c || (a === c && b < d) ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** RFC 3986: all but the unreserved characters. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const headerValue = (value: string | readonly string[] | undefined): string =>
  [value ?? '']
    .flat()
    .map((one) => one.trim().replace(/\s+/g, ' '))
    .join(',');

const textOf = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : value?.[0];

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
