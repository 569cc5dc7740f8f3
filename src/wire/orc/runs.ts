import { ByteSink } from '../byte-sink.ts';

/** Run length encodings of ORC (specification v1, "Run Length Encoding"): runs of at least 3, and at most 128 literals. */
const RUN_MIN = 3;
const RUN_MAX = 130;
const LITERALS_MAX = 128;

/** "Byte Run Length Encoding". */
export function byteRuns(bytes: Uint8Array): Buffer {
  const sink = new ByteSink();
  writeRuns(bytes.length, {
    runAt: (from) => {
      let end = from + 1;
      while (end < bytes.length && end - from < RUN_MAX && bytes[end] === bytes[from]) end += 1;
      return end - from;
    },
    run: (from, length) => {
      sink.byte(length - RUN_MIN);
      sink.byte(bytes[from] as number);
    },
    literals: (from, to) => {
      sink.byte(256 - (to - from));
      sink.fixed(bytes.subarray(from, to));
    },
  });
  return sink.take();
}

/** "Boolean Run Length Encoding": one byte a value in, eight values a byte out, the first one highest. */
export function bitRuns(flags: Uint8Array): Buffer {
  const packed = Buffer.alloc(Math.ceil(flags.length / 8));
  for (let index = 0; index < flags.length; index++)
    if (flags[index] === 1)
      packed[index >> 3] = (packed[index >> 3] as number) | (128 >> (index & 7));
  return byteRuns(packed);
}

/** All numbers, or all bigints. */
export type Integers = readonly (number | bigint)[];

const DELTA_MIN = -128;
const DELTA_MAX = 127;

/** "Integer Run Length Encoding, version 1": runs may rise or fall by the same amount from value to value. */
export function integerRuns(values: Integers, { isSigned }: { isSigned: boolean }): Buffer {
  const sink = new ByteSink();
  const put = (value: number | bigint) => (isSigned ? sink.zigzag(value) : sink.varint(value));
  writeRuns(values.length, {
    runAt: (from) => {
      const delta = deltaAt(values, from);
      if (delta === undefined) return 1;
      let end = from + 2;
      while (end < values.length && end - from < RUN_MAX && deltaAt(values, end - 1) === delta)
        end += 1;
      return end - from;
    },
    run: (from, length) => {
      sink.byte(length - RUN_MIN);
      sink.byte((deltaAt(values, from) ?? 0) & 255);
      put(values[from] as number | bigint);
    },
    literals: (from, to) => {
      sink.byte(256 - (to - from));
      for (let index = from; index < to; index++) put(values[index] as number | bigint);
    },
  });
  return sink.take();
}

/** To the next value, where a run can have it. */
function deltaAt(values: Integers, index: number): number | undefined {
  const [value, next] = [values[index], values[index + 1]];
  if (value === undefined || next === undefined) return undefined;
  // Where it is too large for a number, it is too large for a run as well.
  const delta = Number(
    typeof value === 'bigint' ? (next as bigint) - value : (next as number) - value,
  );
  return delta >= DELTA_MIN && delta <= DELTA_MAX ? delta : undefined;
}

interface Runs {
  /** How many values from there on are one run, at least 1. */
  runAt(from: number): number;
  run(from: number, length: number): void;
  literals(from: number, to: number): void;
}

function writeRuns(count: number, { runAt, run, literals }: Runs): void {
  let from = 0;
  const flush = (to: number) => {
    for (let start = from; start < to; start += LITERALS_MAX)
      literals(start, Math.min(to, start + LITERALS_MAX));
  };
  for (let at = 0; at < count; ) {
    const length = runAt(at);
    if (length < RUN_MIN) {
      at += 1;
      continue;
    }
    flush(at);
    run(at, length);
    at += length;
    from = at;
  }
  flush(count);
}
