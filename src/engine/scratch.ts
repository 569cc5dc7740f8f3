import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { FileSystem } from '../core/file-system.ts';
import { rawMembers } from '../ingest/json-node.ts';
import { type RunBytes, readRuns } from '../stream/run-reader.ts';
import type { LogSlice, SchemaVersion } from '../stream/stream-store.ts';

/**
 * Records on their way into DuckDB: the lines that the log's index names, each with its shard, sequence
 * number and arrival put in front, in a private file. DuckDB never sees the log's own folder.
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
let counter = 0;

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
    const middle = `,"_shard":${run.shard},"_arrived_at":${run.timeMs}`;
    let start = 0;
    for (let index = 0; index < run.count; index++) {
      const end = bytes.indexOf(10, start);
      const sequence = run.firstSequence + index;
      if (sequence >= from && sequence < until)
        this.#line(bytes, start, end, sequence, middle, fields);
      start = end + 1;
    }
  }

  #line(
    bytes: Buffer,
    start: number,
    end: number,
    sequence: number,
    middle: string,
    fields: ReadonlySet<string> | undefined,
  ): void {
    let brace = start;
    while (bytes[brace] !== 123) brace++;
    const rest = fields
      ? `,"_rest":${JSON.stringify(restOf(bytes.toString('utf8', start, end), fields))}`
      : '';
    const isEmpty =
      end - brace <= 16 && /^\{\s*\}$/.test(bytes.toString('latin1', brace, end).trim());
    const front = `{"_sequence_number":${sequence}${middle}${rest}${isEmpty ? '' : ','}`;
    const needed = Buffer.byteLength(front) + end - brace;
    if (this.#filled + needed > this.#buffer.length) this.#flush();
    if (needed > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(needed);
    this.#filled += this.#buffer.write(front, this.#filled);
    this.#filled += bytes.copy(this.#buffer, this.#filled, brace + 1, end);
    this.#buffer[this.#filled++] = 10;
    this.rows += 1;
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

/** The members that are not fields, as written; null where there are none. */
function restOf(line: string, fields: ReadonlySet<string>): string | null {
  const others = rawMembers(line).filter(([name]) => !fields.has(name));
  return others.length === 0
    ? null
    : `{${others.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}
