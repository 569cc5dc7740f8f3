import { parseTimePattern, renderTime, type TimePattern } from './time-pattern.ts';

/** What names of delivered files begin with, in the language of Firehose's prefixes: `day=!{timestamp:dd}/`. */
export type PrefixPart =
  | { readonly text: string }
  | { readonly time: TimePattern }
  | { readonly key: string }
  | { readonly firehose: 'random-string' | 'error-output-type' };

export type Prefix = readonly PrefixPart[];

/** The parts of a prefix, or what is wrong with it. */
export function parsePrefix(text: string): Prefix | { readonly problem: string } {
  const parts: PrefixPart[] = [];
  let at = 0;
  for (const match of text.matchAll(/!\{([^}]*)(\}?)/g)) {
    const [whole, inside = '', end] = match;
    if (end === '') return { problem: `\`${whole}\` has no \`}\` at its end` };
    if (match.index > at) parts.push({ text: text.slice(at, match.index) });
    const part = expression(inside);
    if ('problem' in part) return { problem: `\`${whole}\`: ${part.problem}` };
    parts.push(part);
    at = match.index + whole.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at) });
  return parts;
}

function expression(inside: string): PrefixPart | { readonly problem: string } {
  const colon = inside.indexOf(':');
  const namespace = colon < 0 ? inside : inside.slice(0, colon);
  const value = colon < 0 ? '' : inside.slice(colon + 1);
  switch (namespace) {
    case 'timestamp': {
      const time = parseTimePattern(value);
      return 'problem' in time ? { problem: `of its pattern, ${time.problem}` } : { time };
    }
    case 'firehose':
      if (value === 'random-string' || value === 'error-output-type') return { firehose: value };
      return { problem: 'write firehose:random-string or firehose:error-output-type' };
    case 'partitionKeyFromQuery':
      return value === '' ? { problem: 'it names no partition key' } : { key: value };
    case 'partitionKeyFromLambda':
      return {
        problem:
          'there is no Lambda here; name an SQL expression in `partitionKeys`, and write partitionKeyFromQuery',
      };
    default:
      return { problem: 'write !{timestamp:…}, !{firehose:…} or !{partitionKeyFromQuery:…}' };
  }
}

export interface PrefixValues {
  readonly atMs: number;
  readonly random: string;
  readonly keys?: { readonly [name: string]: string };
  readonly errorType?: string;
}

export function renderPrefix(
  prefix: Prefix,
  { atMs, random, keys, errorType }: PrefixValues,
): string {
  return prefix
    .map((part) => {
      if ('text' in part) return part.text;
      if ('time' in part) return renderTime(part.time, atMs);
      if ('key' in part) return pathText(keys?.[part.key] ?? '');
      return part.firehose === 'random-string' ? random : (errorType ?? '');
    })
    .join('');
}

/** What ends a folder's name, what folders and buckets do not take, and what globs mean something by. */
const ESCAPED = /[\p{Cc}/\\%:*?"<>|#='{}[\]^]/gu;

/** A value as part of a path, as Hive writes it; readers of Hive's folders turn it back. */
function pathText(value: string): string {
  const hex = (character: string) =>
    `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  return value.replace(ESCAPED, hex).replace(/^\.{1,2}$/, (dots) => dots.replaceAll('.', '%2E'));
}

const NAME_BYTES_MAX = 200;
const PATH_BYTES_MAX = 512;

/** Why no file can have this prefix; what is behind it has some room as well. */
export function prefixProblem(rendered: string): string | undefined {
  if (Buffer.byteLength(rendered) > PATH_BYTES_MAX)
    return `its path has more than ${PATH_BYTES_MAX} bytes`;
  const long = rendered.split('/').find((name) => Buffer.byteLength(name) > NAME_BYTES_MAX);
  return long === undefined
    ? undefined
    : `a folder of its path has more than ${NAME_BYTES_MAX} bytes`;
}
