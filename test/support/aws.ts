import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { python } from './python.ts';

/** `id` and `secret` of a key of millrace. */
export interface AwsKey {
  readonly id: string;
  readonly secret: string;
}

export const REGION = 'us-east-1';

/** What `dev` takes: it asks for no key. */
export const ANY_KEY: AwsKey = { id: 'test', secret: 'test' };

/** All that clients of AWS are told, and nothing that this machine tells them besides. */
export function awsEnvironment(url: string, key: AwsKey = ANY_KEY): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: key.id,
    AWS_SECRET_ACCESS_KEY: key.secret,
    AWS_SESSION_TOKEN: '',
    AWS_DEFAULT_REGION: REGION,
    AWS_REGION: REGION,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    NO_PROXY: '127.0.0.1',
  };
}

/** Runs the AWS command line to its end. */
export async function awsCli(
  url: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const run = promisify(execFile)(python(), ['-m', 'awscli', ...args], {
    env: { ...process.env, ...awsEnvironment(url) },
  });
  try {
    const { stdout, stderr } = await run;
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}
