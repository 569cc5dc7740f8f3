/** A row as it was cut from the text. */
export interface CsvRow {
  /** The line in which it starts, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
  /** As it stands in the text, without its line end. */
  readonly text: string;
  /** What is wrong with it; then it has no cells. */
  readonly problem?: string;
}

export interface CsvSyntax {
  readonly delimiter: string;
  /** One character; empty for none. */
  readonly quote: string;
}

const LF = 10;
const CR = 13;

/** What a scan finds instead of an end: more text is needed, or the row cannot be read. */
const INCOMPLETE = -1;
const BROKEN = -2;

/**
 * Cuts text into rows and cells (RFC 4180, and what people's files do beside it).
 *
 * - Lines end with LF, CR LF or CR, also mixed. Empty lines are passed over.
 * - A quote opens a cell only as its first character; elsewhere it is text. Two in a quoted cell are one.
 * - Where a closing quote of the same line is followed by something else, the cell is taken as it stands.
 * - A quote that is not closed would swallow what follows. It counts as not closed where the text ends
 *   in it, where the row grows past `charactersMax`, and where the quote that could close it stands in
 *   a later line with something else behind it. The line in which it opened is then a row with a
 *   problem, and reading goes on in the next line.
 *
 * The rows depend on the text alone, never on how it was cut into pieces.
 */
export class CsvReader {
  readonly #delimiter: string;
  readonly #delimiterCode: number;
  readonly #quote: string;
  readonly #quoteCode: number;
  readonly #charactersMax: number;
  #text = '';
  /** Where the row to be read starts. */
  #at = 0;
  #line = 1;
  #final = false;
  /** In a line of which nothing more is wanted. */
  #skipping = false;
  #cells: string[] = [];
  /** Line ends within quotes of the row being read. */
  #innerLines = 0;
  #problem = '';
  /** Where the line with the problem may end at the earliest. */
  #problemAt = 0;

  constructor({ delimiter, quote }: CsvSyntax, charactersMax: number) {
    this.#delimiter = delimiter;
    this.#delimiterCode = delimiter.charCodeAt(0);
    this.#quote = quote;
    this.#quoteCode = quote === '' ? -1 : quote.charCodeAt(0);
    this.#charactersMax = charactersMax;
  }

  /** The rows that end in the text so far; to be taken before the next text comes. */
  push(text: string): Generator<CsvRow> {
    this.#text = this.#at < this.#text.length ? this.#text.slice(this.#at) + text : text;
    this.#at = 0;
    return this.#rows();
  }

  /** The rows that end with the text. */
  end(): Generator<CsvRow> {
    this.#final = true;
    return this.#rows();
  }

  *#rows(): Generator<CsvRow> {
    for (;;) {
      if (this.#skipping && !this.#skipLine()) return;
      const row = this.#startsRow() ? this.#row() : undefined;
      if (row === undefined) return;
      yield row;
    }
  }

  /** Moves over empty lines; false where the text ends before a row starts. */
  #startsRow(): boolean {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== LF && code !== CR) return this.#at < this.#text.length;
      const end = this.#behindLineEnd(this.#at);
      if (end === INCOMPLETE) return false;
      this.#at = end;
      this.#line += 1;
    }
  }

  /** Behind the line end at `p`; INCOMPLETE for a CR whose LF may follow. */
  #behindLineEnd(p: number): number {
    if (this.#text.charCodeAt(p) === LF) return p + 1;
    if (p + 1 === this.#text.length && !this.#final) return INCOMPLETE;
    return this.#text.charCodeAt(p + 1) === LF ? p + 2 : p + 1;
  }

  #row(): CsvRow | undefined {
    const text = this.#text;
    const start = this.#at;
    this.#cells = [];
    this.#innerLines = 0;
    let p = start;
    for (;;) {
      if (p - start > this.#charactersMax) p = this.#tooLong(p);
      else p = text.charCodeAt(p) === this.#quoteCode ? this.#quoted(p) : this.#plain(p);
      if (p === INCOMPLETE) return undefined;
      if (p === BROKEN) return this.#brokenRow();
      if (p === text.length) {
        if (!this.#final) return undefined;
        return this.#wholeRow(p, p);
      }
      const code = text.charCodeAt(p);
      if (code === LF || code === CR) break;
      p += this.#delimiter.length;
    }
    const end = this.#behindLineEnd(p);
    return end === INCOMPLETE ? undefined : this.#wholeRow(p, end);
  }

  #wholeRow(end: number, next: number): CsvRow {
    const row = { line: this.#line, cells: this.#cells, text: this.#text.slice(this.#at, end) };
    this.#at = next;
    this.#line += this.#innerLines + 1;
    return row;
  }

  /** Takes the cell without quotes at `start`; the answer is where it ends. */
  #plain(start: number): number {
    const end = this.#endOfPlain(start);
    if (end >= 0) this.#cells.push(this.#text.slice(start, end));
    return end;
  }

  #endOfPlain(start: number): number {
    const text = this.#text;
    const delimiter = this.#delimiterCode;
    const bound = Math.min(text.length, this.#at + this.#charactersMax + 1);
    for (let p = start; p < bound; p++) {
      const code = text.charCodeAt(p);
      if (code === delimiter ? this.#isDelimiter(p) : code === LF || code === CR) return p;
    }
    if (bound - this.#at > this.#charactersMax) return this.#tooLong(bound);
    return this.#final ? bound : INCOMPLETE;
  }

  #tooLong(p: number): number {
    return this.#broken(p, `The row has more than ${this.#charactersMax} characters.`);
  }

  #isDelimiter(p: number): boolean {
    return this.#delimiter.length === 1 || this.#text.startsWith(this.#delimiter, p);
  }

  /** Takes the cell whose quote opens at `start`; the answer is where it ends. */
  #quoted(start: number): number {
    const text = this.#text;
    const quote = this.#quoteCode;
    const bound = Math.min(text.length, this.#at + this.#charactersMax + 1);
    const linesBefore = this.#innerLines;
    let doubled = false;
    for (let p = start + 1; p < bound; p++) {
      const code = text.charCodeAt(p);
      if (code === quote) {
        if (text.charCodeAt(p + 1) === quote) {
          doubled = true;
          p += 1;
          continue;
        }
        const end = this.#closed(start, p, linesBefore);
        if (end < 0) return end;
        const inner = text.slice(start + 1, p);
        const value = doubled ? inner.replaceAll(this.#quote + this.#quote, this.#quote) : inner;
        this.#cells.push(end === p + 1 ? value : `${this.#quote}${value}${text.slice(p, end)}`);
        return end;
      }
      if (code === LF || (code === CR && text.charCodeAt(p + 1) !== LF)) this.#innerLines += 1;
    }
    if (bound - this.#at > this.#charactersMax)
      return this.#notClosed(start, linesBefore, `within ${this.#charactersMax} characters`);
    if (!this.#final) return INCOMPLETE;
    return this.#notClosed(start, linesBefore, 'before the end of the file');
  }

  /** Where a cell ends whose quote opened at `start` and may close at `p`. */
  #closed(start: number, p: number, linesBefore: number): number {
    const text = this.#text;
    const isSure = this.#final || p + 1 + this.#delimiter.length <= text.length;
    const code = text.charCodeAt(p + 1);
    if (code === LF || code === CR) return p + 1;
    if (!isSure) return INCOMPLETE;
    if (p + 1 === text.length || text.startsWith(this.#delimiter, p + 1)) return p + 1;
    if (this.#innerLines === linesBefore) return this.#endOfPlain(p + 1);
    return this.#notClosed(start, linesBefore, 'before a later line with a quote inside a text');
  }

  #notClosed(start: number, linesBefore: number, where: string): number {
    const line = linesBefore === 0 ? 'this line' : `line ${this.#line + linesBefore}`;
    this.#innerLines = linesBefore;
    return this.#broken(
      start,
      `A quote that opens in ${line} is not closed ${where}; reading went on in the next line.`,
    );
  }

  #broken(at: number, problem: string): number {
    this.#problem = problem;
    this.#problemAt = at;
    return BROKEN;
  }

  /** The row up to the end of the line with the problem; its text is cut where it is too long. */
  #brokenRow(): CsvRow {
    const text = this.#text;
    const start = this.#at;
    const end = this.#lineEnd(this.#problemAt);
    const row = {
      line: this.#line,
      cells: [],
      text: text.slice(start, Math.min(end, start + this.#charactersMax)),
      problem: this.#problem,
    };
    this.#line += this.#innerLines;
    this.#at = end;
    this.#skipping = true;
    return row;
  }

  /** Moves behind the line; false where it does not end in the text so far. */
  #skipLine(): boolean {
    this.#at = this.#lineEnd(this.#at);
    if (this.#at === this.#text.length) return false;
    const end = this.#behindLineEnd(this.#at);
    if (end === INCOMPLETE) return false;
    this.#at = end;
    this.#line += 1;
    this.#skipping = false;
    return true;
  }

  /** The first line end at `from` or behind it, or the end of the text. */
  #lineEnd(from: number): number {
    const text = this.#text;
    let p = from;
    while (p < text.length && text.charCodeAt(p) !== LF && text.charCodeAt(p) !== CR) p++;
    return p;
  }
}
