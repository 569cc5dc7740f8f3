/**
 * The paths that a pattern of the shell means: `*` and `?` within a name, `**` over folders, `[a-z]`, `[!a]`,
 * `{csv,tsv}`. As in the shell, names that begin with a point are not found by `*`.
 */
export function globPattern(pattern: string): RegExp {
  const tokens = pattern.matchAll(/\*\*\/|\*+|\?|\[!?[^\]]+\]|\{[^{}]*\}|[^*?[{]+|./gs);
  let source = '';
  let isNameStart = true;
  for (const [token] of tokens) {
    source += tokenSource(token, isNameStart);
    isNameStart = token.endsWith('/');
  }
  return new RegExp(`^${source}$`, 's');
}

function tokenSource(token: string, isNameStart: boolean): string {
  if (token === '**/') return '(?:(?!\\.)[^/]+/)*';
  const notHidden = isNameStart ? '(?!\\.)' : '';
  if (token === '**') return `${notHidden}(?:(?!/\\.).)*`;
  if (token.startsWith('*')) return `${notHidden}[^/]*`;
  if (token === '?') return `${notHidden}[^/]`;
  if (token.length > 1 && token.startsWith('['))
    return token.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
  if (token.length > 1 && token.startsWith('{')) {
    const choices = token.slice(1, -1).split(',');
    return `(?:${choices.map((choice) => globPattern(choice).source.slice(1, -1)).join('|')})`;
  }
  return token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
