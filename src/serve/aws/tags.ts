import type { AwsError } from '../../wire/aws-api/aws-error.ts';
import type { Output } from '../../wire/aws-api/codec.ts';
import { page } from './aws-call.ts';

interface Tags {
  readonly [key: string]: string;
}

export const TAGS_MAX = 50;
const TAGS_PER_PAGE = 50;

/** @throws the error that is given, where they become too many */
export function withTags(tags: Tags, added: Tags, tooMany: AwsError): Tags {
  const all = { ...tags, ...added };
  if (Object.keys(all).length > TAGS_MAX) throw tooMany;
  return all;
}

export const withoutTags = (tags: Tags, keys: readonly string[]): Tags =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key)));

export function tagPage(
  tags: Tags,
  after: string | undefined,
  limit: number = TAGS_PER_PAGE,
): Output {
  const sorted = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
  const { items, hasMore } = page(sorted, ([key]) => key, { after, limit });
  return { Tags: items.map(([Key, Value]) => ({ Key, Value })), HasMoreTags: hasMore };
}
