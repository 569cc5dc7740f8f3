import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { RowPlace } from '../source/source.ts';

export interface ImportCounts {
  readonly read: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Rows whose records were in the stream already, by its `dedupe`. */
  readonly duplicate: number;
  /** Rows that an earlier try of the same import had stored. */
  readonly replayed: number;
  readonly reasons: { readonly [reason: string]: number };
  readonly rejectedFile: string | null;
}

export interface Rejection {
  readonly code: string;
  readonly field?: string;
  readonly message: string;
}

const FLUSH_CHARACTERS = 64 * 1024;

/** Counts, and the file of the rejected rows, which is there once a row was rejected. */
export class ImportReport {
  read = 0;
  accepted = 0;
  duplicate = 0;
  replayed = 0;
  #rejected = 0;
  readonly #reasons = new Map<string, number>();
  readonly #startMs: number;
  readonly #clock: Clock;
  readonly #folder: string;
  readonly #path: string;
  #descriptor: number | undefined;
  #lines = '';

  constructor({ folder, stream, clock }: { folder: string; stream: string; clock: Clock }) {
    this.#clock = clock;
    this.#startMs = clock.now();
    const time = new Date(this.#startMs).toISOString().replace(/[:.]/g, '-');
    this.#folder = join(folder, 'imports');
    this.#path = join(this.#folder, `${stream}-${time}-rejected.ndjson`);
  }

  reject(path: string, row: RowPlace, rejection: Rejection): void {
    this.#rejected += 1;
    const reason = reasonOf(rejection);
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    const { code, field, message } = rejection;
    const { line, text, bytes } = row;
    const entry = { file: basename(path), row: row.row, line, code, field, message, text };
    this.#lines += `${JSON.stringify({ ...entry, base64: bytes?.toString('base64') })}\n`;
    if (this.#lines.length >= FLUSH_CHARACTERS) this.#flush();
  }

  #flush(): void {
    if (this.#lines === '') return;
    if (this.#descriptor === undefined) {
      mkdirSync(this.#folder, { recursive: true });
      this.#descriptor = openSync(this.#path, 'wx', 0o600);
    }
    writeSync(this.#descriptor, this.#lines);
    this.#lines = '';
  }

  close(): void {
    this.#flush();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }

  progress(): { read: number; accepted: number; rejected: number; rowsPerSecond: number } {
    const seconds = Math.max(0.001, (this.#clock.now() - this.#startMs) / 1000);
    const { read, accepted } = this;
    return { read, accepted, rejected: this.#rejected, rowsPerSecond: Math.round(read / seconds) };
  }

  counts(): ImportCounts {
    const reasons = [...this.#reasons].sort(([, a], [, b]) => b - a);
    return {
      read: this.read,
      accepted: this.accepted,
      rejected: this.#rejected,
      duplicate: this.duplicate,
      replayed: this.replayed,
      reasons: Object.fromEntries(reasons),
      rejectedFile: this.#rejected > 0 ? this.#path : null,
    };
  }
}

/** What rows that are wrong in the same way have in common. */
function reasonOf({ code, field, message }: Rejection): string {
  if (field !== undefined)
    return `${code} ${field}: ${message.replace(/, got .*$/s, '').replace(/\.$/, '')}`;
  return code === 'MR_IMPORT_ROW' ? `${code}: ${message.replace(/\.$/, '')}` : code;
}
