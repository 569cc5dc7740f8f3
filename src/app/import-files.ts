import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { StreamPlan } from '../plan/plan.ts';
import type { DateOrder } from '../source/date-forms.ts';
import { type MappingOptions, RecordMapper } from '../source/record-mapper.ts';
import { type FileFormat, isTyped } from '../source/source.ts';
import { type FileDialect, type OpenedFile, openFile } from '../target/file-sources.ts';
import { type ImportCounts, ImportReport } from './import-report.ts';
import { readParquet } from './parquet-rows.ts';
import { RecordSender, type SenderConnection } from './record-sender.ts';

export interface ImportRequest {
  readonly connection: SenderConnection & { readonly folder: string };
  readonly stream: StreamPlan;
  readonly files: readonly string[];
  readonly mapping: MappingOptions;
  readonly dialect: FileDialect;
  /** Imports what was imported before once more. */
  readonly again: boolean;
  readonly clock: Clock;
  onFile(file: ImportedFile): void;
  onProgress(progress: ReturnType<ImportReport['progress']>): void;
}

/** How a file is read: what the user said of it, and what was found. */
export interface ImportedFile {
  readonly path: string;
  readonly bytes: number;
  readonly format: FileFormat;
  /** Of a text. */
  readonly encoding?: string;
  /** Bytes that are not of the encoding; their rows are rejected. */
  readonly brokenBytes?: number;
  readonly delimiter?: string;
  /** The order of day and month in fields whose dates need one. */
  readonly dates?: { readonly [field: string]: DateOrder };
}

export type ImportResult = ImportCounts & { readonly files: readonly ImportedFile[] };

/**
 * Sends files through the stream's own door, so that every record is validated and stored like any
 * other. Each batch has an idempotency key made of the file's content and its place in it: an import
 * that was killed and is started again sends the same batches under the same keys, and none is stored twice.
 */
export async function importFiles(request: ImportRequest): Promise<ImportResult> {
  const report = new ImportReport({
    folder: request.connection.folder,
    stream: request.stream.name,
    clock: request.clock,
  });
  const files: ImportedFile[] = [];
  try {
    for (const path of request.files) files.push(await importFile(path, request, report));
  } finally {
    report.close();
  }
  return { ...report.counts(), files };
}

async function importFile(
  path: string,
  request: ImportRequest,
  report: ImportReport,
): Promise<ImportedFile> {
  const { stream, mapping, dialect, connection, clock } = request;
  const opened = await openFile(path, stream, dialect, readParquet);
  const mapper = await RecordMapper.create(opened.source, stream, mapping);
  const file = describe(path, opened, mapper);
  request.onFile(file);
  const key = keysFor(opened, request);
  const sender = new RecordSender({ connection, stream, clock, report, path, key });
  try {
    for await (const rows of opened.source.batches()) {
      for (const row of rows) {
        report.read += 1;
        if (row.problem !== undefined) report.reject(path, row, row.problem);
        else if (sender.add(mapper.record(row), row)) await sender.flush();
      }
      request.onProgress(report.progress());
    }
    await sender.finish();
  } finally {
    // Also where the import fails: answers that come later have rows for the report.
    await sender.settled();
  }
  return file;
}

function describe(path: string, opened: OpenedFile, { orders }: RecordMapper): ImportedFile {
  const { format, encoding, delimiter } = opened.source.dialect;
  const { bytes, brokenBytes } = opened;
  return {
    path,
    bytes,
    format,
    ...(isTyped(format) ? {} : { encoding }),
    ...(brokenBytes > 0 ? { brokenBytes } : {}),
    ...(format === 'csv' ? { delimiter } : {}),
    ...(orders.size > 0 ? { dates: Object.fromEntries(orders) } : {}),
  };
}

function keysFor({ id, source }: OpenedFile, request: ImportRequest): (index: number) => string {
  const { stream, mapping, again, clock } = request;
  const salt = again ? `${clock.now()}` : '';
  const parts = [id, stream.name, source.dialect, [...mapping.map], salt];
  return (index) =>
    `import-${createHash('sha256')
      .update(JSON.stringify([...parts, index]))
      .digest('base64url')}`;
}
