import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { overloadBody } from './overload-records.mjs';
import { quantile } from './statistics.mjs';

/**
 * Producers in a process of their own, as cheap as a client can be: one raw connection each, a body that was
 * built once and is only numbered anew. Requests are due at `perSecond`, whatever becomes of those before
 * (without it: as soon as a connection is free); one that is due while all connections wait is kept back until
 * one is free. A refused producer waits as long as `Retry-After` says and repeats its request.
 */
const { url, headers, connections, perRequest, perSecond, seconds, firstProducer } = JSON.parse(
  process.argv[2] ?? '{}',
);
const target = new URL(url);
const PACE_MS = 5;
const RECONNECT_MS = 200;
const END_WAIT_MS = 5000;
const HEAD_END = Buffer.from('\r\n\r\n');

const seen = {
  sent: 0,
  accepted: 0,
  statuses: {},
  withoutRetryAfter: 0,
  broken: 0,
  partly: 0,
  latencies: [],
};
const idle = [];
let [taken, start, isOver] = [0, 0, false];

class Producer {
  #socket;
  #body;
  #head;
  #answer = Buffer.alloc(0);
  #sentAt = 0;
  #notBefore = 0;
  #isOpen = false;
  #isIdle = false;
  #isRepeat = false;
  isOut = false;
  request = 0;
  /** Requests whose connection broke: stored or not, nobody knows. */
  unknown = [];

  constructor(id) {
    this.id = id;
    this.#body = overloadBody(id, perRequest);
    const lines = [
      `POST ${target.pathname} HTTP/1.1`,
      `host: ${target.host}`,
      'content-type: application/x-ndjson',
      `content-length: ${this.#body.bytes.length}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    this.#head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
    this.#open();
  }

  #open() {
    this.#socket = connect(Number(target.port), target.hostname, () => {
      this.#isOpen = true;
      this.#free();
    });
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk) => this.#read(chunk));
    // What matters is that it closes.
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#closed());
  }

  #closed() {
    if (isOver) return;
    if (this.isOut) {
      seen.broken++;
      this.unknown.push(this.request);
    }
    this.isOut = false;
    this.#isOpen = false;
    this.#answer = Buffer.alloc(0);
    setTimeout(() => this.#open(), RECONNECT_MS);
  }

  #free() {
    if (!this.#isOpen || this.#isIdle || this.isOut) return;
    const wait = this.#notBefore - performance.now();
    if (wait > 0) {
      setTimeout(() => this.#free(), wait);
      return;
    }
    this.#isIdle = true;
    idle.push(this);
    if (start > 0) give();
  }

  /** False where the connection broke while it was free. */
  send() {
    this.#isIdle = false;
    if (!this.#isOpen) return false;
    if (!this.#isRepeat) this.#body.number(++this.request);
    this.#isRepeat = false;
    this.isOut = true;
    this.#sentAt = performance.now();
    seen.sent++;
    this.#socket.cork();
    this.#socket.write(this.#head);
    this.#socket.write(this.#body.bytes);
    this.#socket.uncork();
    return true;
  }

  #read(chunk) {
    this.#answer = this.#answer.length === 0 ? chunk : Buffer.concat([this.#answer, chunk]);
    const headEnd = this.#answer.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#answer.latin1Slice(0, headEnd).toLowerCase();
    const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
    const end = headEnd + HEAD_END.length;
    if (this.#answer.length < end + length) return;
    const body = this.#answer.latin1Slice(end, end + length);
    this.#answer = Buffer.alloc(0);
    this.isOut = false;
    const status = Number(head.slice(9, 12));
    seen.statuses[status] = (seen.statuses[status] ?? 0) + 1;
    if (status === 200) this.#accepted(body);
    else this.#refused(head);
    this.#free();
  }

  #accepted(body) {
    const now = performance.now();
    const { accepted } = JSON.parse(body);
    if (accepted !== perRequest) seen.partly++;
    if (start === 0 || isOver) return;
    seen.accepted += accepted;
    seen.latencies.push(now - this.#sentAt);
  }

  #refused(head) {
    const seconds = /\r\nretry-after: (\d+)/.exec(head)?.[1];
    if (seconds === undefined) seen.withoutRetryAfter++;
    this.#isRepeat = true;
    this.#notBefore = performance.now() + Number(seconds ?? 1) * 1000;
  }

  /** `request` is the last one with an answer of 200, unless it is among the unknown. */
  end() {
    if (this.#isRepeat) this.request--;
    if (this.isOut) this.unknown.push(this.request);
    this.#socket.destroy();
    return [this.id, this.request, this.unknown];
  }
}

/** Hands requests that are due to connections that are free. */
function give() {
  if (isOver) return;
  const due = perSecond
    ? ((performance.now() - start) / 1000) * perSecond
    : Number.POSITIVE_INFINITY;
  while (idle.length > 0 && taken < due) if (idle.shift().send()) taken++;
}

const producers = Array.from({ length: connections }, (_, id) => new Producer(firstProducer + id));

/** What is under way at the end may still be answered: then it is known what became of it. */
async function settled() {
  const end = performance.now() + END_WAIT_MS;
  while (performance.now() < end && producers.some(({ isOut }) => isOut)) await sleep(50);
}

process.once('message', async () => {
  start = performance.now();
  const pace = setInterval(give, PACE_MS);
  give();
  await sleep(seconds * 1000);
  clearInterval(pace);
  const tookMs = performance.now() - start;
  isOver = true;
  await settled();
  const { latencies, ...counts } = seen;
  const result = {
    ...counts,
    due: perSecond ? Math.round((tookMs / 1000) * perSecond) : seen.sent,
    tookMs,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    producers: producers.map((producer) => producer.end()),
  };
  process.send(result, () => process.disconnect());
});
process.send('prepared');
