import { MillraceError } from '../core/errors.ts';
import { isObjectName } from '../core/object-name.ts';

/** Where a bucket is, and as whom to ask for it. */
export interface S3Settings {
  readonly bucket: string;
  /** Without `/` at its ends; may be empty. */
  readonly prefix: string;
  /** What the path of an object is put after: ends with `/`. */
  readonly baseUrl: string;
  /** Of a server that is not AWS's own. */
  readonly endpoint?: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export type Environment = { readonly [name: string]: string | undefined };

const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const REGION_NAME = /^[a-z0-9-]+$/;
const REGION_DEFAULT = 'us-east-1';

/**
 * The settings for `s3://bucket/prefix` from the environment variables that all AWS tools take.
 * @param option what the place is given by, for errors: `raw.to`
 * @throws MillraceError MR_DEFINITION_INVALID with what is missing or wrong, and what to do
 */
export function s3Settings(env: Environment, place: string, option: string): S3Settings {
  const to = `${option} '${place}'`;
  const { bucket, prefix } = parsePlace(place, to);
  // A variable that is set to nothing counts as not set, as it does in the tools of AWS.
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || REGION_DEFAULT;
  if (!REGION_NAME.test(region))
    throw invalid(to, `cannot use the region '${region}'. Set AWS_REGION to one like 'eu-west-1'.`);
  const sessionToken = env['AWS_SESSION_TOKEN'];
  const endpoint = endpointOf(env, to);
  return {
    bucket,
    prefix,
    baseUrl: baseUrlOf(endpoint, bucket, region),
    ...(endpoint ? { endpoint } : {}),
    region,
    ...credentialsOf(env, to),
    ...(sessionToken ? { sessionToken } : {}),
  };
}

function parsePlace(place: string, to: string): { bucket: string; prefix: string } {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]*)(?:\/(.*))?$/.exec(place) ?? [];
  const prefix = rest.replace(/\/$/, '');
  if (!BUCKET_NAME.test(bucket) || (prefix !== '' && !isObjectName(prefix)))
    throw invalid(
      to,
      "is no place in S3. Write 's3://bucket' or 's3://bucket/prefix', the prefix of letters, digits, '-', '_', '.' and '/'.",
    );
  return { bucket, prefix };
}

function credentialsOf(
  env: Environment,
  to: string,
): Pick<S3Settings, 'accessKeyId' | 'secretAccessKey'> {
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey };
  const missing = [
    ...(accessKeyId ? [] : ['AWS_ACCESS_KEY_ID']),
    ...(secretAccessKey ? [] : ['AWS_SECRET_ACCESS_KEY']),
  ];
  throw invalid(to, `needs ${missing.join(' and ')} in the environment.`);
}

function endpointOf(env: Environment, to: string): string | undefined {
  const endpoint = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'];
  return endpoint ? checkedEndpoint(endpoint, to) : undefined;
}

function baseUrlOf(endpoint: string | undefined, bucket: string, region: string): string {
  // The bucket in the path: other servers seldom have a host name for every bucket.
  if (endpoint !== undefined) return `${endpoint}/${bucket}/`;
  const host = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  // The certificate of AWS is for one name before the host, so a bucket with dots goes in the path.
  return bucket.includes('.') ? `https://${host}/${bucket}/` : `https://${bucket}.${host}/`;
}

function checkedEndpoint(endpoint: string, to: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  )
    throw invalid(
      to,
      "cannot use AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL as it is set. Set it to an address like 'http://localhost:9000'.",
    );
  return url.href.replace(/\/+$/, '');
}

function invalid(to: string, problem: string): MillraceError {
  return new MillraceError('MR_DEFINITION_INVALID', `${to} ${problem}`);
}
