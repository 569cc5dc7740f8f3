/** Sends the shop's records through the public HTTP route, and waits where the server asks for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HISTORY_INVOICES, HISTORY_MS } from './shop.mjs';

const BATCH_RECORDS = 1000;
const WAIT_MS_MIN = 500;
const WAIT_MS_MAX = 10_000;
const TICK_MS = 1000;
/** The same request still runs, too many requests, not ready or stopping, disk full: each passes. */
const PASSING_STATUSES = [409, 429, 503, 507];

/** `onWait` is told why, once for each time the server cannot be reached or is busy. */
export function createClient({ url, key, signal, onWait }) {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const call = async (path, type, body, more = {}) => {
    for (let waitMs = WAIT_MS_MIN; ; waitMs = Math.min(waitMs * 2, WAIT_MS_MAX)) {
      const response = await fetch(new URL(path, url), {
        method: 'POST',
        body,
        signal,
        headers: { ...headers, 'content-type': type, ...more },
      }).catch((error) => error);
      if (signal?.aborted) throw signal.reason;
      if (response instanceof Response && !PASSING_STATUSES.includes(response.status))
        return response;
      if (waitMs === WAIT_MS_MIN) onWait?.(await reasonOf(response));
      const askedMs =
        response instanceof Response ? Number(response.headers.get('retry-after') ?? 0) * 1000 : 0;
      await sleep(Math.max(askedMs, waitMs), undefined, { signal });
    }
  };
  return {
    /** An `idempotencyKey` makes it safe to send again what may have arrived. */
    async send(records, idempotencyKey) {
      const body = ndjson(records);
      const response = await call('/v1/streams/sales/records', 'application/x-ndjson', body, {
        'idempotency-key': idempotencyKey,
      });
      const answer = await response.json();
      if (answer.accepted === undefined) throw serverError(response.status, answer);
      return { accepted: answer.accepted, refused: answer.rejected };
    },
    /** Rows of a query, or undefined where this key may not ask. */
    async sql(sql) {
      const response = await call('/v1/sql', 'application/json', JSON.stringify({ sql }));
      if (response.status === 401 || response.status === 403) return undefined;
      const answer = await response.json();
      if (!response.ok) throw serverError(response.status, answer);
      return answer.rows;
    },
  };
}

async function reasonOf(response) {
  if (!(response instanceof Response)) {
    const code = response.cause?.code ?? response.message;
    return code === 'ECONNREFUSED' ? 'nothing answers there yet' : code;
  }
  const { error } = await response.json().catch(() => ({}));
  return error?.message ?? `status ${response.status}`;
}

function serverError(status, { error }) {
  return new Error(
    `The server answered ${status}: ${error?.message ?? 'something that is not millrace'}`,
  );
}

export function ndjson(records) {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/** The history in batches, each with the number of lines up to its end. */
export function* historyBatches(shop, { lines, endMs }) {
  let batch = [];
  let end = 0;
  for (const record of shop.history({ lines, endMs })) {
    batch.push(record);
    end += 1;
    if (batch.length === BATCH_RECORDS || end === lines) {
      yield { records: batch, end };
      batch = [];
    }
  }
}

/** Lines, invoices, revenue: what SQL must find, added up here in whole thousandths of a pound. */
export class Totals {
  lines = 0;
  quantity = 0;
  #thousandths = 0n;
  #invoices = new Set();

  add(records) {
    for (const { invoice_no, quantity, unit_price } of records) {
      this.lines += 1;
      this.quantity += quantity;
      this.#thousandths += BigInt(quantity) * BigInt(Math.round(unit_price * 1000));
      this.#invoices.add(invoice_no);
    }
  }

  get invoices() {
    return this.#invoices.size;
  }

  get revenue() {
    const digits = String(this.#thousandths).padStart(4, '0');
    return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
  }
}

/**
 * Sends the history, or what is missing of it: batches are stored whole and in order, so that the count says
 * where to go on. A history begun earlier keeps its end. Resolves to `{ state, totals }`, where the state is
 * `sent`, `there` (nothing was missing) or `other` (another seed or length: left as it is).
 */
export async function sendHistory(client, shop, { seed, lines, endMs, onProgress }) {
  const found = await findHistory(client);
  const totals = new Totals();
  let isOther = found.lines > lines;
  let sent = 0;
  for (const { records, end } of historyBatches(shop, { lines, endMs: found.endMs ?? endMs })) {
    totals.add(records);
    const isLastFound = end >= found.lines && end - records.length < found.lines;
    if (isLastFound) isOther = end !== found.lines || totals.quantity !== found.quantity;
    if (end <= found.lines || isOther) continue;
    const { refused } = await client.send(
      records,
      `history-${seed}-${lines}-${Math.ceil(end / BATCH_RECORDS)}`,
    );
    if (refused.length > 0)
      throw new Error(
        `The server refused ${refused.length} lines of the history: ${refused[0].message}`,
      );
    sent += records.length;
    onProgress?.({ lines: end, of: lines });
  }
  return { state: isOther ? 'other' : sent > 0 ? 'sent' : 'there', totals };
}

async function findHistory(client) {
  const [row] =
    (await client.sql(
      `select count(*), sum(quantity), min(invoice_date) from sales where regexp_full_match(invoice_no, '${HISTORY_INVOICES}')`,
    )) ?? [];
  const [lines, quantity, first] = row ?? [0];
  if (Number(lines) === 0) return { lines: 0 };
  return {
    lines: Number(lines),
    quantity: Number(quantity),
    endMs: Date.parse(`${first}Z`) + HISTORY_MS,
  };
}

/** Sends `rate` records a second until the signal; what could not be sent in time is not made up for. */
export async function sendLive(client, shop, { rate, signal, onProgress, onRefused }) {
  const run = Math.random().toString(36).slice(2, 10);
  let waiting = [];
  let due = 0;
  let sent = 0;
  for (let tick = 1; !signal.aborted; tick++) {
    due = Math.min(due + (rate * TICK_MS) / 1000, Math.max(rate, 1));
    while (waiting.length < Math.floor(due))
      waiting = [...waiting, ...shop.liveInvoice(Date.now())];
    const records = waiting.splice(0, Math.floor(due));
    due -= records.length;
    if (records.length > 0) {
      const { accepted, refused } = await client.send(records, `live-${run}-${tick}`);
      sent += accepted;
      if (refused.length > 0) onRefused?.(refused[0].message);
      onProgress?.({ lines: sent });
    }
    await sleep(TICK_MS, undefined, { signal });
  }
}
