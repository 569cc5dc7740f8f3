import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { basename, join } from 'node:path';
import { asMillraceError, MillraceError } from '../core/errors.ts';
import type { IngestAnswer } from '../ingest/ingest.ts';
import type { StreamPlan } from '../plan/plan.ts';
import { type MappingOptions, RecordMapper } from '../source/record-mapper.ts';
import type { SourceRow } from '../source/source.ts';
import { type FileDialect, openFile } from '../target/file-sources.ts';
import { readParquet } from './parquet-rows.ts';

export interface ImportRequest {
  /** Where the records are sent. */
  readonly connection: { readonly url: string; readonly key: string; readonly folder: string };
  readonly stream: StreamPlan;
  readonly files: readonly string[];
  readonly mapping: MappingOptions;
  readonly dialect: FileDialect;
  /** Imports what was imported before once more. */
  readonly again: boolean;
  onFile(file: { path: string; bytes: number; text: string }): void;
  onProgress(progress: {
    read: number;
    accepted: number;
    rejected: number;
    bytesPerSecond: number;
  }): void;
}

export interface ImportResult {
  readonly read: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Rows that an earlier try of the same import had stored. */
  readonly replayed: number;
  readonly reasons: { readonly [reason: string]: number };
  readonly rejectedFile: string | null;
}

const BATCH_ROWS = 1000;
const BATCH_BYTES = 1024 * 1024;
const IN_FLIGHT = 4;
const RETRIES = 5;

interface Batch {
  readonly lines: string[];
  readonly rows: SourceRow[];
  bytes: number;
}

/**
 * Sends files through the stream's own door, so that every record is validated and stored like any
 * other. Each batch has an idempotency key made of the file's content and its place in it: an import
 * that was killed and is started again sends the same batches under the same keys, and none is stored twice.
 */
export async function importFiles(request: ImportRequest): Promise<ImportResult> {
  const report = new Report(request);
  try {
    for (const path of request.files) await importFile(path, request, report);
  } finally {
    await report.close();
  }
  return report.result();
}

async function importFile(path: string, request: ImportRequest, report: Report): Promise<void> {
  const { source, id, bytes } = await openFile(path, request.stream, request.dialect, readParquet);
  const { dialect } = source;
  request.onFile({
    path,
    bytes,
    text:
      dialect.format === 'csv'
        ? `CSV, ${dialect.encoding}, delimiter ${JSON.stringify(dialect.delimiter)}`
        : dialect.format,
  });
  const mapper = await RecordMapper.create(source, request.stream, request.mapping);
  const salt = request.again ? `${Date.now()}` : '';
  const key = (index: number) =>
    `import-${createHash('sha256')
      .update(
        JSON.stringify([id, request.stream.name, dialect, [...request.mapping.map], salt, index]),
      )
      .digest('base64url')}`;
  const inFlight = new Set<Promise<void>>();
  let failure: unknown;
  let index = 0;
  let batch: Batch = { lines: [], rows: [], bytes: 0 };
  const flush = async (): Promise<void> => {
    if (batch.lines.length === 0) return;
    const full = batch;
    batch = { lines: [], rows: [], bytes: 0 };
    const sent: Promise<void> = send(full, key(index++), request, report, path)
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => inFlight.delete(sent));
    inFlight.add(sent);
    if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
    if (failure) throw failure;
  };
  for await (const row of source.rows()) {
    report.read += 1;
    if (row.problem !== undefined) {
      report.reject(path, row, { code: 'MR_RECORD_SHAPE', message: row.problem });
      continue;
    }
    const line = mapper.record(path, row);
    batch.lines.push(line);
    batch.rows.push(row);
    batch.bytes += Buffer.byteLength(line) + 1;
    if (batch.lines.length >= BATCH_ROWS || batch.bytes >= BATCH_BYTES) await flush();
    report.progress();
  }
  await flush();
  await Promise.all(inFlight);
  if (failure) throw failure;
}

async function send(
  batch: Batch,
  key: string,
  request: ImportRequest,
  report: Report,
  path: string,
): Promise<void> {
  const { answer, replayed } = await post(batch, key, request);
  report.accepted += answer.accepted;
  if (replayed) report.replayed += answer.accepted;
  for (const refusal of answer.rejected)
    report.reject(path, batch.rows[refusal.index] as SourceRow, refusal);
}

/** Waits and tries again where the server says that it cannot now. */
async function post(
  batch: Batch,
  key: string,
  { connection, stream }: ImportRequest,
): Promise<{ answer: IngestAnswer; replayed: boolean }> {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(`${connection.url}/v1/streams/${stream.name}/records`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${connection.key}`,
        'content-type': 'application/x-ndjson',
        'idempotency-key': key,
      },
      body: batch.lines.join('\n'),
    });
    const answer = (await response.json()) as IngestAnswer & {
      error?: { code: string; message: string };
    };
    if (answer.error === undefined)
      return { answer, replayed: response.headers.get('idempotent-replayed') === 'true' };
    if (response.status === 422)
      throw new MillraceError(
        'MR_IMPORT_FILE',
        'This file was imported before under another definition or other options. Import it once more with --again.',
      );
    const again = response.status === 429 || response.status === 409 || response.status === 503;
    if (!again || attempt >= RETRIES)
      throw asMillraceError(
        new MillraceError('MR_IMPORT_FILE', `The stream refused a batch: ${answer.error.message}`),
        'MR_IMPORT_FILE',
      );
    await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
  }
}

/** Counts, and the file of the rejected rows. */
class Report {
  read = 0;
  accepted = 0;
  replayed = 0;
  #rejected = 0;
  readonly #reasons = new Map<string, number>();
  readonly #request: ImportRequest;
  readonly #startMs: number = Date.now();
  #file: WriteStream | undefined;
  #path: string | null = null;

  constructor(request: ImportRequest) {
    this.#request = request;
  }

  progress(): void {
    if (this.read % BATCH_ROWS !== 0) return;
    const seconds = Math.max(0.001, (Date.now() - this.#startMs) / 1000);
    this.#request.onProgress({
      read: this.read,
      accepted: this.accepted,
      rejected: this.#rejected,
      bytesPerSecond: Math.round(this.read / seconds),
    });
  }

  reject(
    path: string,
    row: SourceRow,
    { code, field, message }: { code: string; field?: string; message: string },
  ): void {
    this.#rejected += 1;
    const reason =
      field === undefined
        ? code
        : `${code} ${field}: ${message.replace(/, got .*$/, '').replace(/\.$/, '')}`;
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    this.#rejectedFile().write(
      `${JSON.stringify({ file: basename(path), row: row.row, line: row.line, code, field, message, text: row.text })}\n`,
    );
  }

  #rejectedFile(): WriteStream {
    if (!this.#file) {
      const folder = join(this.#request.connection.folder, 'imports');
      mkdirSync(folder, { recursive: true });
      this.#path = join(
        folder,
        `${this.#request.stream.name}-${new Date(this.#startMs).toISOString().replace(/[:.]/g, '-')}-rejected.ndjson`,
      );
      this.#file = createWriteStream(this.#path, { mode: 0o600 });
    }
    return this.#file;
  }

  async close(): Promise<void> {
    if (!this.#file) return;
    this.#file.end();
    await once(this.#file, 'finish');
  }

  result(): ImportResult {
    const reasons = [...this.#reasons].sort(([, a], [, b]) => b - a);
    return {
      read: this.read,
      accepted: this.accepted,
      rejected: this.#rejected,
      replayed: this.replayed,
      reasons: Object.fromEntries(reasons),
      rejectedFile: this.#path,
    };
  }
}
