import { isUtf8 } from 'node:buffer';
import { asMillraceError, MillraceError } from '../../core/errors.ts';
import { parseMembers } from '../../core/json-node.ts';
import { LIMITS } from '../../core/limits.ts';
import { extentOf, skipSpace } from '../../ingest/framing.ts';
import type { FileSource, RowProblem, SourceRow } from '../source.ts';
import { fileUtf8 } from './file-bytes.ts';

/** NDJSON, objects one after the other, or one array of objects. Values stay as they are written. */
export function openJson(path: string, encoding: string): FileSource {
  return {
    path,
    dialect: { format: 'json', encoding, delimiter: '', quote: '', header: false },
    columns: [],
    batches: () => batches(fileUtf8(path, encoding)),
  };
}

/** Rows of JSON in UTF-8 that may come from elsewhere than a file. */
export async function* batches(chunks: AsyncIterable<Buffer>): AsyncGenerator<SourceRow[]> {
  const values = new JsonValues();
  let rest: Buffer = Buffer.alloc(0);
  let row = 0;
  for await (const chunk of chunks) {
    const taken = values.take(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), false);
    yield taken.found.map((found) => rowOf(++row, found));
    rest = Buffer.from(taken.rest);
    if (rest.length > 2 * LIMITS.recordBytesMax)
      throw new MillraceError(
        'MR_IMPORT_FILE',
        `Row ${row + 1} has more than ${LIMITS.recordBytesMax} bytes.`,
      );
  }
  yield values.take(rest, true).found.map((found) => rowOf(++row, found));
}

/** A value's bytes, or what is wrong at its place. */
type Found = { readonly bytes: Buffer; readonly problem?: string };

const OPEN = 91;
const CLOSE = 93;
const COMMA = 44;
const NOTHING = Buffer.alloc(0);

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
      found.push({ bytes: buffer.subarray(at, end) });
      if (this.#state === 'element') this.#state = 'separator';
      this.#elements += 1;
      at = end;
    }
    if (final && (this.#state === 'element' || this.#state === 'separator'))
      found.push({ bytes: NOTHING, problem: 'The array is not closed: the file may be cut off.' });
    return { found, rest: Buffer.alloc(0) };
  }

  /** Where to go on behind a bracket or comma of the array; undefined where a value stands. */
  #punctuation(buffer: Buffer, at: number, found: Found[]): number | undefined {
    const byte = buffer[at];
    if (this.#state === 'closed') {
      found.push({
        bytes: buffer.subarray(at, at + 100),
        problem: 'Something follows the closing bracket of the array; it was not read.',
      });
      return buffer.length;
    }
    if (this.#state === 'separator') {
      if (byte === COMMA) this.#state = 'element';
      else if (byte === CLOSE) this.#state = 'closed';
      else {
        found.push({ bytes: NOTHING, problem: 'A comma is missing between two values.' });
        this.#state = 'element';
        return at;
      }
      return at + 1;
    }
    if (this.#state !== 'element' || (byte !== CLOSE && byte !== COMMA)) return undefined;
    const isEmpty = byte === CLOSE && this.#elements === 0;
    if (!isEmpty)
      found.push({ bytes: NOTHING, problem: 'A value is missing at a comma of the array.' });
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

function rowOf(row: number, { bytes, problem }: Found): SourceRow {
  const text = bytes.toString();
  const broken = (what: RowProblem) => ({ row, columns: [], values: [], text, problem: what });
  if (!isUtf8(bytes))
    return {
      ...broken({ code: 'MR_RECORD_ENCODING', message: 'The row is not valid UTF-8.' }),
      bytes: Buffer.from(bytes),
    };
  if (problem !== undefined) return broken({ code: 'MR_IMPORT_ROW', message: problem });
  try {
    const members = parseMembers(text);
    if (members === undefined)
      return broken({ code: 'MR_RECORD_SHAPE', message: 'Not a JSON object.' });
    return {
      row,
      columns: members.map(([name]) => name),
      values: members.map(([, json]) => json),
      text,
    };
  } catch (error) {
    const { code, message } = asMillraceError(error, 'MR_RECORD_SYNTAX');
    return broken({ code, message });
  }
}
