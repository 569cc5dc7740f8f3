import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CsvReader, type CsvRow, type CsvSyntax } from '../../src/source/csv-reader.ts';

const COMMA: CsvSyntax = { delimiter: ',', quote: '"' };
const MOST = 1_000_000;

/** Rows of a text that comes in pieces. */
function read(pieces: readonly string[], syntax: CsvSyntax, charactersMax = MOST): CsvRow[] {
  const reader = new CsvReader(syntax, charactersMax);
  return [...pieces.flatMap((piece) => [...reader.push(piece)]), ...reader.end()];
}

const whole = (text: string, syntax = COMMA, charactersMax = MOST) =>
  read([text], syntax, charactersMax);

/** csv-parse, a reader of its own making, set to the same rules. */
function reference(text: string, { delimiter, quote }: CsvSyntax): string[][] {
  return parse(text, {
    delimiter,
    quote: quote === '' ? false : quote,
    escape: quote === '' ? null : quote,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  });
}

const SYNTAXES: readonly CsvSyntax[] = [
  COMMA,
  { delimiter: ';', quote: "'" },
  { delimiter: '||', quote: '"' },
  { delimiter: ',', quote: '' },
];

/** Each with its end. */
const linesOf = (text: string): readonly string[] =>
  text.match(/[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g) ?? [];

/** Texts of the characters that matter, so that every way through the reader is met. */
const csvText = fc
  .array(fc.constantFrom(',', '"', "'", ';', '|', '||', '\n', '\r', '\r\n', 'a', 'é', ' ', '""'), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''));

test('rows and cells are those of csv-parse up to the first row with a problem', () => {
  let compared = 0;
  fc.assert(
    fc.property(csvText, fc.constantFrom(...SYNTAXES), (text, syntax) => {
      const rows = whole(text, syntax);
      const broken = rows.findIndex((row) => row.problem !== undefined);
      if (broken === -1) expect(rows.map((row) => row.cells)).toEqual(reference(text, syntax));
      else {
        const before = rows.slice(0, broken).map((row) => row.cells);
        const front = linesOf(text).slice(0, (rows[broken]?.line ?? 0) - 1);
        expect(before).toEqual(reference(front.join(''), syntax));
      }
      compared += rows.length;
    }),
    { numRuns: 20_000 },
  );
  expect(compared).toBeGreaterThan(20_000);
});

const cell = fc.string({
  unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'ü', ';'),
  maxLength: 8,
});

test('what is written as RFC 4180 says is read as it was', () => {
  const table = fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { maxLength: 8 });
  fc.assert(
    fc.property(table, fc.constantFrom('\n', '\r\n', '\r'), fc.boolean(), (rows, end, last) => {
      const written = rows.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`));
      const text = written.map((row) => row.join(',')).join(end) + (last ? end : '');
      expect(whole(text)).toMatchObject(rows.map((cells) => ({ cells })));
    }),
    { numRuns: 5000 },
  );
});

test('the rows do not depend on where the text is cut into pieces, nor on its limit being met', () => {
  fc.assert(
    fc.property(
      csvText,
      fc.array(fc.nat(60), { maxLength: 6 }),
      fc.constantFrom(...SYNTAXES),
      fc.constantFrom(5, 12, MOST),
      (text, cuts, syntax, most) => {
        const ends = [...cuts.map((cut) => Math.min(cut, text.length)), text.length].sort(
          (a, b) => a - b,
        );
        const pieces = ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end));
        expect(read(pieces, syntax, most)).toEqual(whole(text, syntax, most));
      },
    ),
    { numRuns: 20_000 },
  );
});

test('each character is in one row or ends a line, and each row has the line it starts in', () => {
  fc.assert(
    fc.property(csvText, fc.constantFrom(...SYNTAXES), (text, syntax) => {
      const rows = whole(text, syntax);
      const lines = text.split(/\r\n|\n|\r/);
      for (const row of rows) {
        const own = row.text.split(/\r\n|\n|\r/);
        expect(lines.slice(row.line - 1, row.line - 1 + own.length)).toEqual(own);
      }
      const inRows = rows.map((row) => row.text.replace(/[\r\n]/g, '')).join('');
      expect(inRows).toBe(text.replace(/[\r\n]/g, ''));
    }),
    { numRuns: 10_000 },
  );
});

test('a broken row is one line, or ends with the line in which its quote opens', () => {
  fc.assert(
    fc.property(csvText, (text) => {
      for (const { problem, text: row, line } of whole(text)) {
        if (problem === undefined) continue;
        const opens = /in line (\d+)/.exec(problem)?.[1] ?? line;
        expect(row.split(/\r\n|\n|\r/)).toHaveLength(Number(opens) - line + 1);
      }
    }),
    { numRuns: 10_000 },
  );
});

test('a text of many unclosed quotes is read in time that grows with its length', () => {
  const rows = whole('"a,b\n'.repeat(100_000));
  expect(rows).toHaveLength(100_000);
  expect(rows.every(({ problem }, index) => problem !== undefined || index === 99_999)).toBe(true);
});
