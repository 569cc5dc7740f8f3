import { MillraceError } from './errors.ts';
import { LIMITS } from './limits.ts';

/**
 * JSON as it was written: numbers keep their text, duplicate members stay visible. `JSON.parse` decides
 * what is JSON; this only walks text that it has accepted, because it rounds numbers and drops twins.
 */
export type JsonNode =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'list'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, JsonNode> };

/**
 * @throws MillraceError MR_RECORD_SYNTAX, MR_RECORD_TOO_DEEP, MR_RECORD_DUPLICATE_KEY, MR_RECORD_ENCODING
 */
export function parseJson(text: string): JsonNode {
  refuseSyntax(text);
  return new Walker(text).value();
}

/**
 * Name and text, as written, of each member of a JSON object; undefined for other values.
 *
 * @throws MillraceError as `parseJson`
 */
export function parseMembers(text: string): [name: string, text: string][] | undefined {
  refuseSyntax(text);
  if (!/^\s*\{/.test(text)) return undefined;
  const members = rawMembers(text);
  const names = new Set<string>();
  for (const [name] of members) {
    if (names.has(name)) throw twice(name);
    names.add(name);
  }
  return members;
}

function refuseSyntax(text: string): void {
  if (text.startsWith('\uFEFF'))
    throw new MillraceError(
      'MR_RECORD_SYNTAX',
      'Not valid JSON: it begins with a byte order mark (U+FEFF). Send it without.',
    );
  refuseDeep(text);
  try {
    JSON.parse(text);
  } catch (error) {
    throw new MillraceError('MR_RECORD_SYNTAX', `Not valid JSON: ${(error as Error).message}.`);
  }
}

const twice = (name: string, path = name): MillraceError =>
  new MillraceError('MR_RECORD_DUPLICATE_KEY', `Member ${JSON.stringify(name)} is there twice.`, {
    details: { field: path },
  });

/** Name and text, as written, of each member of a JSON object that was accepted before. */
export function rawMembers(text: string): [name: string, text: string][] {
  return new Walker(text).rawMembers();
}

/** Before anything recursive sees the text. */
function refuseDeep(text: string): void {
  let depth = 0;
  /** The last text of the outermost object: the name of the member that is being read. */
  let name: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) {
      const end = endOfString(text, at);
      if (depth === 1) name = text.slice(at + 1, end - 1);
      at = end - 1;
    } else if (code === 123 || code === 91) depth += 1;
    else if (code === 125 || code === 93) depth -= 1;
    if (depth > LIMITS.recordDepthMax)
      throw new MillraceError(
        'MR_RECORD_TOO_DEEP',
        `Nested deeper than ${LIMITS.recordDepthMax} levels.`,
        name === undefined || name.includes('\\') ? {} : { details: { field: name } },
      );
  }
}

/** The position behind the closing quote of the string that starts at `at`. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === 92) end += 1;
    else if (code === 34) return end + 1;
  }
  return text.length;
}

class Walker {
  readonly #text: string;
  #at = 0;
  /** Where in the record it is, as `address.cities[2]`. */
  #path = '';

  constructor(text: string) {
    this.#text = text;
  }

  value(): JsonNode {
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object();
      case '[':
        return this.#list();
      case '"':
        return { kind: 'string', value: this.#string() };
      case 't':
        return this.#word(4, { kind: 'boolean', value: true });
      case 'f':
        return this.#word(5, { kind: 'boolean', value: false });
      case 'n':
        return this.#word(4, { kind: 'null' });
      default:
        return this.#number();
    }
  }

  #skipSpace(): void {
    while (this.#text.charCodeAt(this.#at) <= 32) this.#at += 1;
  }

  #word(length: number, node: JsonNode): JsonNode {
    this.#at += length;
    return node;
  }

  #number(): JsonNode {
    const start = this.#at;
    while (/[-+.eE0-9]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    return { kind: 'number', text: this.#text.slice(start, this.#at) };
  }

  #string(): string {
    const start = this.#at + 1;
    const end = endOfString(this.#text, this.#at);
    this.#at = end;
    const inner = this.#text.slice(start, end - 1);
    const value = inner.includes('\\') ? (JSON.parse(`"${inner}"`) as string) : inner;
    if (!value.isWellFormed()) throw this.#unstorable('half a surrogate pair');
    if (value.includes('\0')) throw this.#unstorable('a NUL character');
    return value;
  }

  #unstorable(what: string): MillraceError {
    return new MillraceError(
      'MR_RECORD_ENCODING',
      `A text holds ${what}, which no table can store.`,
      this.#path === '' ? {} : { details: { field: this.#path } },
    );
  }

  /** The value of a member or item, which is at `path` below where the walker is. */
  #below(path: string): JsonNode {
    const before = this.#path;
    this.#path += before === '' ? path.replace(/^\./, '') : path;
    const value = this.value();
    this.#path = before;
    return value;
  }

  #list(): JsonNode {
    const items: JsonNode[] = [];
    this.#parts(']', () => items.push(this.#below(`[${items.length}]`)));
    return { kind: 'list', items };
  }

  #object(): JsonNode {
    const members = new Map<string, JsonNode>();
    this.#parts('}', () => {
      const key = this.#string();
      this.#skipSpace();
      this.#at += 1;
      if (members.has(key)) throw twice(key, this.#path === '' ? key : `${this.#path}.${key}`);
      members.set(key, this.#below(`.${key}`));
    });
    return { kind: 'object', members };
  }

  rawMembers(): [string, string][] {
    const members: [string, string][] = [];
    this.#skipSpace();
    this.#parts('}', () => {
      const name = this.#string();
      this.#skipSpace();
      this.#at += 1;
      this.#skipSpace();
      const start = this.#at;
      this.#below(`.${name}`);
      members.push([name, this.#text.slice(start, this.#at)]);
    });
    return members;
  }

  #parts(close: string, part: () => void): void {
    this.#at += 1;
    this.#skipSpace();
    while (this.#text[this.#at] !== close) {
      part();
      this.#skipSpace();
      if (this.#text[this.#at] === ',') this.#at += 1;
      this.#skipSpace();
    }
    this.#at += 1;
  }
}
