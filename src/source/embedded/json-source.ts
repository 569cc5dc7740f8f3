import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { extentOf, skipSpace } from '../../ingest/framing.ts';
import { parseJson, rawMembers } from '../../ingest/json-node.ts';
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

/** Rows of NDJSON that does not come from a file. */
export async function* rows(text: AsyncIterable<string>): AsyncGenerator<SourceRow> {
  let buffer = Buffer.alloc(0);
  let row = 0;
  for await (const part of text) {
    buffer = Buffer.concat([
      buffer,
      Buffer.from(row === 0 && buffer.length === 0 ? part.replace(/^\ufeff/, '') : part),
    ]);
    const { found, rest } = takeValues(buffer, false);
    for (const value of found) yield rowOf(++row, value);
    buffer = Buffer.from(rest);
    if (buffer.length > 2 * LIMITS.recordBytesMax)
      throw new MillraceError(
        'MR_IMPORT_FILE',
        `Row ${row + 1} has more than ${LIMITS.recordBytesMax} bytes.`,
      );
  }
  for (const value of takeValues(buffer, true).found) yield rowOf(++row, value);
}

/** Whole values at the front; brackets and commas of an array around them are passed over. */
function takeValues(buffer: Buffer, final: boolean): { found: string[]; rest: Buffer } {
  const found: string[] = [];
  let at = 0;
  for (;;) {
    at = skipSpace(buffer, at, buffer.length);
    if (at >= buffer.length) return { found, rest: Buffer.alloc(0) };
    const byte = buffer[at];
    if (byte === 44 || byte === 91 || byte === 93) {
      at += 1;
      continue;
    }
    const lineEnd = buffer.indexOf(10, at);
    const end = extentOf(buffer, at, buffer.length);
    if (end < 0 && !final && !(end === -2 && lineEnd !== -1))
      return { found, rest: buffer.subarray(at) };
    // What cannot be JSON is a row of its own to the end of its line.
    const stop = end < 0 ? (lineEnd === -1 ? buffer.length : lineEnd) : end;
    found.push(buffer.toString('utf8', at, stop));
    at = stop;
  }
}

function rowOf(row: number, text: string): SourceRow {
  try {
    const node = parseJson(text);
    if (node.kind !== 'object') return { row, values: [], problem: 'Not a JSON object.', text };
    return { row, values: rawMembers(text).map(([name, json]) => [name, { json }] as const), text };
  } catch (error) {
    return { row, values: [], problem: (error as Error).message, text };
  }
}
