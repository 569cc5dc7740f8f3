import { isUtf8 } from 'node:buffer';
import { MillraceError } from '../core/errors.ts';
import { epochAt } from '../deliver/resume.ts';
import { withNamesOfToday } from '../ingest/former-names.ts';
import type { IngestAnswer } from '../ingest/tally.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import type { QueryEngine } from '../query/query-engine.ts';
import type { RedriveResult } from '../serve/services.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Runtime } from './runtime.ts';

interface StoredLetter {
  readonly _sequence_number: string;
  readonly record: string | null;
  readonly bytes: string | null;
}

interface Page {
  readonly letters: readonly StoredLetter[];
  /** Where the next page starts; undefined after the last. */
  readonly next: number | undefined;
}

/** Letters that are read, and sent, at a time. */
const PAGE_LETTERS = 500;
/** Their records are in the stream: only the lookup has no place for them. */
const OF_LOOKUPS = `code = 'MR_LOOKUP_KEY_TOO_LARGE'`;

export interface RedriveParts {
  readonly runtime: Runtime;
  readonly query: QueryEngine;
}

/**
 * Sends dead letters again, each with a key of its own: broken off anywhere and begun anew, none is stored
 * twice. What is refused again stays a letter.
 *
 * @throws MillraceError MR_REQUEST_INVALID where the stream keeps no letters; errors of SQL for `where`
 */
export async function redrive(
  parts: RedriveParts,
  stream: string,
  where = 'true',
): Promise<RedriveResult> {
  const { letters } = parts.runtime.stream(stream);
  if (!letters)
    throw new MillraceError(
      'MR_REQUEST_INVALID',
      `Stream '${stream}' keeps no dead letters: it has neither invalid: 'deadletter' nor a lookup.`,
    );
  const end = letters.log.nextSequence;
  const skipped = await countOfLookups(parts, stream, where, end);
  const reasons = new Map<string, number>();
  let redriven = 0;
  let refused = 0;
  for (let next: number | undefined = 0; next !== undefined; ) {
    const page = await readPage(parts, { stream, where, from: next, end });
    const outcomes = await Promise.all(
      page.letters.map((letter) => sendAgain(parts.runtime, stream, letters, letter)),
    );
    const settled = page.letters.filter((_, index) => outcomes[index] === undefined);
    await letters.settle(settled.map((letter) => Number(letter._sequence_number)));
    redriven += settled.length;
    for (const reason of outcomes) {
      if (reason === undefined) continue;
      refused += 1;
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    next = page.next;
  }
  return { redriven, refused, ofLookups: skipped, reasons: Object.fromEntries(reasons) };
}

/** Undefined where the record is stored now; else why it is refused again. */
async function sendAgain(
  runtime: Runtime,
  stream: string,
  { log }: DeadLetters,
  { record, bytes, _sequence_number: sequence }: StoredLetter,
): Promise<string | undefined> {
  const sent = record === null ? Buffer.from(bytes ?? '', 'base64') : Buffer.from(record);
  const { plan, log: records } = runtime.stream(stream);
  const body = isUtf8(sent)
    ? Buffer.from(withNamesOfToday(sent.toString(), plan.fields, records.schemas))
    : sent;
  if (body.length === 0) return 'there is nothing to send';
  const { isRefused, body: text } = await runtime.take(stream, once(body), {
    linesOnly: !body.includes(10),
    idempotencyKey: `redrive ${epochAt(log, Number(sequence))} ${sequence}`,
    length: body.length,
    isRedrive: true,
  });
  return isRefused ? (JSON.parse(text) as IngestAnswer).rejected[0]?.message : undefined;
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}

interface PageRequest {
  readonly stream: string;
  readonly where: string;
  readonly from: number;
  readonly end: number;
}

async function readPage(
  { query }: RedriveParts,
  { stream, where, from, end }: PageRequest,
): Promise<Page> {
  const rows = await ask<StoredLetter>(
    query,
    `select _sequence_number, record, to_base64(bytes) as bytes from deadletters.${quoteIdentifier(stream)}
     where (${where}\n) and not (${OF_LOOKUPS}) and _sequence_number >= ${from} and _sequence_number < ${end}
     order by _sequence_number limit ${PAGE_LETTERS}`,
  );
  const last = rows.length < PAGE_LETTERS ? undefined : rows.at(-1);
  return { letters: rows, next: last && Number(last._sequence_number) + 1 };
}

async function countOfLookups(
  { query }: RedriveParts,
  stream: string,
  where: string,
  end: number,
): Promise<number> {
  const [row] = await ask<{ letters: string }>(
    query,
    `select count(*) as letters from deadletters.${quoteIdentifier(stream)}
     where (${where}\n) and ${OF_LOOKUPS} and _sequence_number < ${end}`,
  );
  return Number(row?.letters ?? 0);
}

async function ask<T>(query: QueryEngine, sql: string): Promise<T[]> {
  const chunks: Uint8Array[] = [];
  const onChunk = (chunk: Uint8Array) => {
    chunks.push(Uint8Array.from(chunk));
  };
  await query.query({ sql, params: [], format: 'ndjson' }, { onChunk, who: 'redrive' });
  const lines = Buffer.concat(chunks).toString().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}
