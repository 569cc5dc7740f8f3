import type { AwsError } from '../../../wire/aws-api/aws-error.ts';

/**
 * Iterators and tokens of lists say all that is needed to go on: nothing is kept for them here. They live as long
 * as AWS's do.
 */
const LIFE_MS = 5 * 60_000;

export function writeToken(kind: string, content: object, nowMs: number): string {
  return Buffer.from(JSON.stringify({ kind, issuedMs: nowMs, ...content })).toString('base64url');
}

/**
 * @param expired the error of one that is too old
 * @param wrong the error of what is none of this kind
 */
export function readToken(
  kind: string,
  text: string,
  { nowMs, expired, wrong }: { nowMs: number; expired: AwsError; wrong: AwsError },
): { readonly [name: string]: unknown } {
  const content = parse(text);
  if (content?.['kind'] !== kind || typeof content['issuedMs'] !== 'number') throw wrong;
  if (nowMs - content['issuedMs'] > LIFE_MS) throw expired;
  return content;
}

function parse(text: string): { readonly [name: string]: unknown } | undefined {
  try {
    const value = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown;
    return typeof value === 'object' && value !== null
      ? (value as { readonly [name: string]: unknown })
      : undefined;
  } catch {
    return undefined;
  }
}
