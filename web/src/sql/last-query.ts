/** The text of the SQL page: in the address to share it, and in this browser for the next visit. */
const KEY = 'millrace-sql';
const HASH = '#q=';

/** Of a link that was followed, else what was written last. */
export function lastQuery(): string | undefined {
  return linkedQuery() ?? storedQuery();
}

export function linkedQuery(): string | undefined {
  if (!location.hash.startsWith(HASH)) return undefined;
  try {
    return decodeURIComponent(location.hash.slice(HASH.length));
  } catch {
    // A link that was cut off in the middle of a character.
    return undefined;
  }
}

function storedQuery(): string | undefined {
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    // Storage is forbidden here.
    return undefined;
  }
}

/** Called when it is run: a link is to what was run, not to what is being written. */
export function linkQuery(text: string): void {
  const hash = `${HASH}${encodeURIComponent(text)}`;
  if (hash !== location.hash) history.replaceState(history.state, '', hash);
}

/** For the next visit. */
export function keepQuery(text: string): void {
  // The address is of another text now, and would come before this one.
  if (linkedQuery() !== undefined && linkedQuery() !== text)
    history.replaceState(history.state, '', location.pathname + location.search);
  try {
    localStorage.setItem(KEY, text);
  } catch {
    // Storage is forbidden or full: the next visit begins with what was run.
  }
}
