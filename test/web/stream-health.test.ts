import { expect, test } from 'vitest';
import { problemsOf } from '../../web/src/streams/stream-health.ts';
import {
  type History,
  ratesOf,
  standingMs,
  withMoment,
} from '../../web/src/streams/stream-history.ts';
import type { DeliveryStatus, StreamStatus } from '../../web/src/streams/stream-status.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');

const delivery = (more: Partial<DeliveryStatus> = {}): DeliveryStatus => ({
  target: 'lake.sales',
  lag: 0,
  lastMs: NOW,
  lastRows: 10,
  lastDurationMs: 100,
  waitingSinceMs: null,
  error: null,
  tableBytes: 1000,
  tableFiles: 1,
  ...more,
});

const stream = (more: Partial<StreamStatus> = {}): StreamStatus => ({
  name: 'sales',
  shards: 1,
  records: 10,
  bytes: 1000,
  segments: 1,
  nextSequence: 10,
  lastAppendMs: NOW,
  deadLetters: 0,
  damaged: [],
  delivery: delivery(),
  readers: [{ name: 'lookups', next: 10, lag: 0 }],
  ...more,
});

/** One moment every two seconds, the last now. */
const history = (streams: readonly StreamStatus[]): History =>
  streams.map((one, index) => ({
    atMs: NOW - (streams.length - 1 - index) * 2000,
    streams: [one],
  }));

const judge = (one: StreamStatus, past: History = history([one])) =>
  problemsOf(one, { history: past, everyMs: 60_000, nowMs: NOW });

test('a stream that goes on has no problem', () => {
  expect(judge(stream())).toEqual([]);
  const waiting = delivery({ lag: 500, waitingSinceMs: NOW - 80_000 });
  expect(judge(stream({ delivery: waiting })), 'within the interval and some').toEqual([]);
  expect(judge(stream({ delivery: null })), 'without a table nothing waits').toEqual([]);
});

test('a delivery that fails is a problem: it says why, that nothing is lost, and what to do', () => {
  const failing = delivery({ lag: 1500, waitingSinceMs: NOW - 1000, error: 'No space left' });
  const [problem, ...others] = judge(stream({ delivery: failing }));
  expect(others).toEqual([]);
  expect(problem).toMatchObject({ tone: 'bad', what: expect.stringContaining('No space left') });
  expect(problem?.fix).toMatch(/1,500 records wait.*tried again.*space on the disk/);
});

test('records that wait beyond the interval of their delivery are a problem', () => {
  const late = delivery({ lag: 3, waitingSinceMs: NOW - 200_000 });
  expect(judge(stream({ delivery: late }))).toMatchObject([
    { tone: 'bad', what: expect.stringMatching(/waited 3 min 20 s|waited 3 min.*due every 1 min/) },
  ]);
  const slow = delivery({ lag: 3, waitingSinceMs: NOW - 200_000, lastDurationMs: 60_000 });
  expect(judge(stream({ delivery: slow })), 'where deliveries take a minute each').toEqual([]);
});

test('lookups that are behind and do not move are a problem after ten seconds', () => {
  const behind = (next: number) => stream({ readers: [{ name: 'lookups', next, lag: 90 }] });
  const standing = history(Array.from({ length: 7 }, () => behind(10)));
  expect(judge(behind(10), standing)).toMatchObject([
    { tone: 'bad', what: expect.stringMatching(/lookups.*not moved for 12 s.*90 records behind/) },
  ]);
  expect(judge(behind(10), standing.slice(-3)), 'not at once').toEqual([]);
  const moving = history(Array.from({ length: 7 }, (_, at) => behind(10 + at)));
  expect(standingMs(moving, 'sales', 'lookups')).toBe(0);
  expect(judge(behind(16), moving)).toEqual([]);
});

test('damage of the log is a problem that names the place', () => {
  expect(judge(stream({ damaged: ['000.ndjson at 17'] }))).toMatchObject([
    { tone: 'bad', what: expect.stringContaining('000.ndjson at 17') },
  ]);
});

test('rates come from how far the sequence numbers came in the last ten seconds', () => {
  const at = (nextSequence: number) => stream({ nextSequence });
  expect(ratesOf(history([at(10)]), 'sales'), 'one moment says nothing').toEqual([]);
  expect(ratesOf(history([at(0), at(20), at(40)]), 'sales')).toEqual([10, 10]);
  const bursts = history([0, 100, 100, 100, 100, 100, 100].map(at));
  expect(ratesOf(bursts, 'sales').at(-1), 'a burst is over after ten seconds').toBe(0);
  expect(ratesOf(bursts, 'sales').at(-2)).toBe(10);
  expect(ratesOf(history([at(500), at(3)]), 'sales'), 'a stream made anew').toEqual([0]);
});

test('two minutes of moments are remembered, each once', () => {
  let past: History = [];
  for (let index = 0; index < 100; index++)
    past = withMoment(past, { atMs: index * 2000, streams: [] });
  expect(past).toHaveLength(60);
  const last = past.at(-1) as (typeof past)[number];
  expect(withMoment(past, last)).toBe(past);
});
