import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { Decoder, PADDING_BYTES } from '../ingest/decode.ts';
import { createJudge } from '../ingest/judge.ts';
import { createRouter } from '../ingest/route.ts';
import type { IngestAnswer } from '../ingest/tally.ts';
import type { StreamPlan } from '../plan/plan.ts';
import type { RowPlace } from '../source/source.ts';
import { evenShards } from '../stream/shard-map.ts';
import type { ImportReport } from './import-report.ts';

/** Where the records are sent. */
export interface SenderConnection {
  readonly url: string;
  readonly key: string;
}

export interface SenderOptions {
  readonly connection: SenderConnection;
  readonly stream: StreamPlan;
  readonly clock: Clock;
  readonly report: ImportReport;
  readonly path: string;
  /** The idempotency key of the batch with this ordinal. */
  readonly key: (index: number) => string;
}

/** Large enough that a request's own cost is nothing, small enough that a server does other work between. */
const BATCH_BYTES = 1024 * 1024;
const BATCH_ROWS = 10_000;
const IN_FLIGHT = 4;
const RETRIES = 5;
const RETRY_MS = 250;
const NEWLINE = 10;

/** Records as they are sent, and where in the file they come from. */
class Batch {
  readonly places: RowPlace[] = [];
  #bytes = Buffer.allocUnsafeSlow(BATCH_BYTES + BATCH_BYTES / 4);
  #length = 0;

  add(line: string, { row, line: fileLine, text }: RowPlace): void {
    // Not the row itself: its values would live as long as the request.
    this.places.push({ row, line: fileLine, text });
    const most = this.#length + 3 * line.length + 1;
    if (most > this.#bytes.length) this.#grow(most);
    this.#length += this.#bytes.write(line, this.#length);
    this.#bytes[this.#length++] = NEWLINE;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(bytes);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  get isFull(): boolean {
    return this.#length >= BATCH_BYTES || this.places.length >= BATCH_ROWS;
  }

  get body(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

/**
 * Sends the records of a file in batches, some at a time. Where a batch ends depends on the records
 * alone: a second try of the same file sends the same batches under the same keys.
 */
export class RecordSender {
  readonly #options: SenderOptions;
  readonly #inFlight = new Set<Promise<void>>();
  #failure: unknown;
  #index = 0;
  #batch = new Batch();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Takes a record; true where a batch is full and `flush` is to be called. */
  add(line: string, row: RowPlace): boolean {
    this.#batch.add(line, row);
    return this.#batch.isFull;
  }

  /** Sends what was taken; resolves once there is room for the next. */
  async flush(): Promise<void> {
    if (this.#batch.places.length === 0) return;
    const full = this.#batch;
    this.#batch = new Batch();
    const sent: Promise<void> = this.#send(full, this.#options.key(this.#index++))
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#inFlight.delete(sent));
    this.#inFlight.add(sent);
    if (this.#inFlight.size >= IN_FLIGHT) await Promise.race(this.#inFlight);
    if (this.#failure) throw this.#failure;
  }

  /** Sends the rest and waits for all answers. */
  async finish(): Promise<void> {
    await this.flush();
    await this.settled();
    if (this.#failure) throw this.#failure;
  }

  /** Waits until what was sent is answered, however. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  async #send({ body, places }: Batch, key: string): Promise<void> {
    const { report, path, stream } = this.#options;
    const { answer, replayed } = await post({ body, key }, this.#options);
    const duplicate = answer.duplicate.length + (answer.duplicateOmitted ?? 0);
    report.accepted += answer.accepted;
    report.duplicate += duplicate;
    if (replayed) report.replayed += answer.accepted;
    const refusals =
      answer.rejectedOmitted === undefined ? answer.rejected : refusalsOf(body, stream);
    if (refusals.length !== places.length - answer.accepted - duplicate)
      throw new MillraceError(
        'MR_IMPORT_FILE',
        `${path}: stream '${stream.name}' was changed during the import. Run it again.`,
      );
    for (const refusal of refusals) report.reject(path, places[refusal.index] as RowPlace, refusal);
  }
}

/** All refusals of a batch by the stream's own rules: an answer lists only the first of many. */
function refusalsOf(body: Buffer, stream: StreamPlan): IngestAnswer['rejected'] {
  const router = createRouter({ version: 0, open: evenShards(1) });
  const decoder = new Decoder({
    ...createJudge(stream, { key: undefined, ids: undefined }),
    router: () => router,
    linesOnly: true,
  });
  const padded = Buffer.concat([body, Buffer.alloc(PADDING_BYTES)]);
  return decoder.decode(padded, body.length, true).rejected;
}

interface Posted {
  readonly answer: IngestAnswer;
  readonly replayed: boolean;
}

interface Answered {
  readonly status: number;
  readonly replayed: boolean;
  readonly answer: IngestAnswer & { readonly error?: { readonly message: string } };
}

async function ask(
  { url, key: secret }: SenderConnection,
  stream: string,
  { key, body }: { key: string; body: Buffer },
): Promise<Answered> {
  try {
    const response = await fetch(`${url}/v1/streams/${stream}/records`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secret}`,
        'content-type': 'application/x-ndjson',
        'idempotency-key': key,
      },
      body,
    });
    const { status, headers } = response;
    const answer = (await response.json()) as Answered['answer'];
    return { status, replayed: headers.get('idempotent-replayed') === 'true', answer };
  } catch (error) {
    throw new MillraceError(
      'MR_NOT_READY',
      `The pipeline at ${url} no longer answers. Start it and run the same command again: what was stored is not stored twice.`,
      { cause: error },
    );
  }
}

/** Waits and tries again where the server says that it cannot now. */
async function post(
  { body, key }: { body: Buffer; key: string },
  { connection, stream, clock }: SenderOptions,
): Promise<Posted> {
  for (let attempt = 0; ; attempt++) {
    const { status, replayed, answer } = await ask(connection, stream.name, { key, body });
    if (answer.error === undefined) return { answer, replayed };
    if (status === 422)
      throw new MillraceError(
        'MR_IMPORT_FILE',
        'This file was imported before under another definition or other options. Import it once more with --again.',
      );
    const again = status === 429 || status === 409 || status === 503;
    if (!again || attempt >= RETRIES)
      throw new MillraceError(
        'MR_IMPORT_FILE',
        `The stream refused a batch: ${answer.error.message}`,
      );
    await new Promise<void>((resolve) => {
      clock.after(RETRY_MS * 2 ** attempt, resolve);
    });
  }
}
