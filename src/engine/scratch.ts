import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { FileSystem } from '../core/file-system.ts';
import { rawMembers } from '../core/json-node.ts';
import { RUN, RUN_COLUMNS } from '../stream/run-columns.ts';
import { type RunBytes, readRuns } from '../stream/run-reader.ts';
import type { LogSlice, SchemaVersion } from '../stream/stream-store.ts';

/**
 * Records on their way into DuckDB: the lines that the log's index names, each beside its shard, sequence
 * number and arrival, in a private file. DuckDB never sees the log's own folder. A record is a member of
 * its line: what its producer calls its own members can never meet the names that are put beside it.
 */
export interface ScratchFile {
  readonly path: string;
  readonly schemaVersion: number;
  readonly rows: number;
}

export interface Scratch {
  readonly files: readonly ScratchFile[];
  readonly damage: readonly string[];
  remove(): void;
}

const WRITE_BYTES = 1024 * 1024;
/** At most what a record's place takes. */
const PLACE_BYTES = 64;

let counter = 0;

/** About the size of the scratch files for these records. */
export function scratchBytes(slices: readonly LogSlice[]): number {
  let bytes = 0;
  for (const { runs } of slices)
    for (let at = 0; at < runs.length; at += RUN_COLUMNS)
      bytes += (runs[at + RUN.length] ?? 0) + PLACE_BYTES * (runs[at + RUN.count] ?? 0);
  return bytes;
}

/** Copies the records of [from, until) to scratch files, one per run of equal schema versions. */
export async function writeScratch(
  files: FileSystem,
  folder: string,
  slices: readonly LogSlice[],
  range: { readonly from: number; readonly until: number },
  schemas: readonly SchemaVersion[],
): Promise<Scratch> {
  const written: ScratchWriter[] = [];
  const damage: string[] = [];
  const keeps = new Map(
    schemas.map((schema) => [
      schema.version,
      schema.unknown === 'keep' ? new Set(schema.fields.map((field) => field.name)) : undefined,
    ]),
  );
  try {
    for await (const run of readRuns(files, slices)) {
      if (run.damage !== undefined) {
        damage.push(run.damage);
        continue;
      }
      let writer = written.at(-1);
      if (!writer || writer.schemaVersion !== run.schemaVersion) {
        writer?.finish();
        writer = new ScratchWriter(
          join(folder, `records-${process.pid}-${counter++}.ndjson`),
          run.schemaVersion,
        );
        written.push(writer);
      }
      writer.add(run, range, keeps.get(run.schemaVersion));
    }
    written.at(-1)?.finish();
  } catch (error) {
    for (const writer of written) writer.remove();
    throw error;
  }
  return {
    files: written.filter((writer) => writer.rows > 0),
    damage,
    remove: () => {
      for (const writer of written) writer.remove();
    },
  };
}

class ScratchWriter implements ScratchFile {
  readonly path: string;
  readonly schemaVersion: number;
  rows = 0;
  readonly #descriptor: number;
  #buffer: Buffer = Buffer.allocUnsafeSlow(WRITE_BYTES);
  #filled = 0;
  #open = true;

  constructor(path: string, schemaVersion: number) {
    this.path = path;
    this.schemaVersion = schemaVersion;
    this.#descriptor = openSync(path, 'w', 0o600);
  }

  add(
    run: RunBytes,
    { from, until }: { from: number; until: number },
    fields: ReadonlySet<string> | undefined,
  ): void {
    const { bytes } = run;
    const first = Math.max(run.firstSequence, from);
    const last = Math.min(run.firstSequence + run.count, until);
    if (first >= last) return;
    const place = new PlacePrefix(first, `,":":${run.shard},"/":${run.timeMs}`);
    let start = 0;
    for (let sequence = run.firstSequence; sequence < last; sequence++) {
      const end = bytes.indexOf(10, start);
      if (sequence >= first) {
        this.#line(bytes, start, end, place, fields);
        place.next();
      }
      start = end + 1;
    }
    this.rows += last - first;
  }

  #line(
    bytes: Buffer,
    start: number,
    end: number,
    place: PlacePrefix,
    fields: ReadonlySet<string> | undefined,
  ): void {
    const rest = fields
      ? Buffer.from(restMember(bytes.toString('utf8', start, end), fields))
      : EMPTY;
    const needed = place.length + rest.length + RECORD.length + end - start + 2;
    if (this.#filled + needed > this.#buffer.length) this.#flush();
    if (needed > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(needed);
    let at = place.copyTo(this.#buffer, this.#filled);
    at += rest.copy(this.#buffer, at);
    at += RECORD.copy(this.#buffer, at);
    at += bytes.copy(this.#buffer, at, start, end);
    this.#buffer[at] = 125;
    this.#buffer[at + 1] = 10;
    this.#filled = at + 2;
  }

  #flush(): void {
    let written = 0;
    while (written < this.#filled)
      written += writeSync(this.#descriptor, this.#buffer, written, this.#filled - written);
    this.#filled = 0;
  }

  finish(): void {
    if (!this.#open) return;
    this.#flush();
    closeSync(this.#descriptor);
    this.#open = false;
  }

  remove(): void {
    if (this.#open) closeSync(this.#descriptor);
    this.#open = false;
    rmSync(this.path, { force: true });
  }
}

const EMPTY = Buffer.alloc(0);
const RECORD = Buffer.from(',"+":');
const NINE = 57;
const ZERO = 48;

/**
 * The front of a scratch line: `{".":<sequence number>,":":<shard>,"/":<arrival, epoch ms>`. Its keys are
 * short, since DuckDB parses each of them. Counting up in the bytes is
 * ten times cheaper than making a text per record.
 */
class PlacePrefix {
  readonly #tail: string;
  #bytes: Buffer;
  #lastDigit: number;
  #sequence: number;

  constructor(sequence: number, tail: string) {
    this.#tail = tail;
    this.#sequence = sequence;
    this.#bytes = Buffer.from(`{".":${sequence}${tail}`);
    this.#lastDigit = 4 + String(sequence).length;
  }

  get length(): number {
    return this.#bytes.length;
  }

  copyTo(target: Buffer, at: number): number {
    const { length } = this.#bytes;
    for (let index = 0; index < length; index++) target[at + index] = this.#bytes[index] as number;
    return at + length;
  }

  next(): void {
    this.#sequence += 1;
    let digit = this.#lastDigit;
    while (this.#bytes[digit] === NINE) this.#bytes[digit--] = ZERO;
    if (digit > 4) this.#bytes[digit] = (this.#bytes[digit] as number) + 1;
    else {
      this.#bytes = Buffer.from(`{".":${this.#sequence}${this.#tail}`);
      this.#lastDigit = 4 + String(this.#sequence).length;
    }
  }
}

/** The members that are not fields, as written, as the text of the member `_rest`; null where there are none. */
function restMember(line: string, fields: ReadonlySet<string>): string {
  const others = rawMembers(line).filter(([name]) => !fields.has(name));
  const members = others.map(([name, text]) => `${JSON.stringify(name)}:${text}`);
  const rest = others.length === 0 ? null : `{${members.join(',')}}`;
  return `,"_rest":${JSON.stringify(rest)}`;
}
