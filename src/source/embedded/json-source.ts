import { MillraceError } from '../../core/errors.ts';
import { parseJson, rawMembers } from '../../core/json-node.ts';
import { LIMITS } from '../../core/limits.ts';
import { extentOf, skipSpace } from '../../ingest/framing.ts';
import type { FileSource, SourceRow } from '../source.ts';
import { fileText } from './file-bytes.ts';

/** NDJSON, objects one after the other, or one array of objects. Values stay as they are written. */
export function openJson(path: string, encoding: string): FileSource {
  return {
    path,
    dialect: { format: 'json', encoding, delimiter: '', quote: '', header: false },
    columns: [],
    rows: () => rows(fileText(path, encoding)),
  };
}

/** Rows of JSON text that does not come from a file. */
export async function* rows(text: AsyncIterable<string>): AsyncGenerator<SourceRow> {
  const values = new JsonValues();
  let buffer = Buffer.alloc(0);
  let row = 0;
  let isFirst = true;
  for await (const part of text) {
    const clean = isFirst ? part.replace(/^\ufeff/, '') : part;
    isFirst = false;
    buffer = Buffer.concat([buffer, Buffer.from(clean)]);
    const { found, rest } = values.take(buffer, false);
    for (const value of found) yield rowOf(++row, value);
    buffer = Buffer.from(rest);
    if (buffer.length > 2 * LIMITS.recordBytesMax)
      throw new MillraceError(
        'MR_IMPORT_FILE',
        `Row ${row + 1} has more than ${LIMITS.recordBytesMax} bytes.`,
      );
  }
  for (const value of values.take(buffer, true).found) yield rowOf(++row, value);
}

/** A value's text, or what is wrong at its place. */
type Found = { readonly text: string; readonly problem?: string };

const OPEN = 91;
const CLOSE = 93;
const COMMA = 44;

/** Takes whole values off the front of a text: an array's elements, or values one after the other. */
class JsonValues {
  #state: 'start' | 'values' | 'element' | 'separator' | 'closed' = 'start';
  #elements = 0;

  take(buffer: Buffer, final: boolean): { found: Found[]; rest: Buffer } {
    const found: Found[] = [];
    let at = 0;
    for (;;) {
      at = skipSpace(buffer, at, buffer.length);
      if (at >= buffer.length) break;
      if (this.#state === 'start') {
        this.#state = buffer[at] === OPEN ? 'element' : 'values';
        if (this.#state === 'element') at += 1;
        continue;
      }
      const next = this.#punctuation(buffer, at, found);
      if (next !== undefined) {
        at = next;
        continue;
      }
      const end = this.#valueEnd(buffer, at, final);
      if (end === undefined) return { found, rest: buffer.subarray(at) };
      found.push({ text: buffer.toString('utf8', at, end) });
      if (this.#state === 'element') this.#state = 'separator';
      this.#elements += 1;
      at = end;
    }
    if (final && (this.#state === 'element' || this.#state === 'separator'))
      found.push({ text: '', problem: 'The array is not closed: the file may be cut off.' });
    return { found, rest: Buffer.alloc(0) };
  }

  /** Where to go on behind a bracket or comma of the array; undefined where a value stands. */
  #punctuation(buffer: Buffer, at: number, found: Found[]): number | undefined {
    const byte = buffer[at];
    if (this.#state === 'closed') {
      found.push({
        text: buffer.toString('utf8', at, Math.min(buffer.length, at + 100)),
        problem: 'Something follows the closing bracket of the array; it was not read.',
      });
      return buffer.length;
    }
    if (this.#state === 'separator') {
      if (byte === COMMA) this.#state = 'element';
      else if (byte === CLOSE) this.#state = 'closed';
      else {
        found.push({ text: '', problem: 'A comma is missing between two values.' });
        this.#state = 'element';
        return at;
      }
      return at + 1;
    }
    if (this.#state !== 'element' || (byte !== CLOSE && byte !== COMMA)) return undefined;
    const isEmpty = byte === CLOSE && this.#elements === 0;
    if (!isEmpty) found.push({ text: '', problem: 'A value is missing at a comma of the array.' });
    if (byte === CLOSE) this.#state = 'closed';
    return at + 1;
  }

  /** Behind the value at `at`; undefined where it is not whole yet. What cannot be JSON ends with its line. */
  #valueEnd(buffer: Buffer, at: number, final: boolean): number | undefined {
    const end = extentOf(buffer, at, buffer.length);
    if (end >= 0 && (end < buffer.length || final)) return end;
    const lineEnd = buffer.indexOf(10, at);
    if (!final && (end !== -2 || lineEnd === -1)) return undefined;
    if (lineEnd !== -1) return lineEnd;
    // The file ends in this value: that says enough, also of an array around it.
    this.#state = 'values';
    return buffer.length;
  }
}

function rowOf(row: number, { text, problem }: Found): SourceRow {
  if (problem !== undefined) return { row, values: [], problem, text };
  try {
    const node = parseJson(text);
    if (node.kind !== 'object') return { row, values: [], problem: 'Not a JSON object.', text };
    return { row, values: rawMembers(text).map(([name, json]) => [name, { json }] as const), text };
  } catch (error) {
    return { row, values: [], problem: (error as Error).message, text };
  }
}
