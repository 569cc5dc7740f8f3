import type { FieldType } from '../../core/field-types.ts';
import type { PlainValue } from '../../core/plain-value.ts';
import { ByteSink } from '../byte-sink.ts';
import { bitRuns, integerRuns } from './runs.ts';

/** As `Stream.Kind` of the specification has them. */
export const PRESENT = 0;
const DATA = 1;
const LENGTH = 2;
const SECONDARY = 5;

export interface OrcStream {
  readonly kind: number;
  readonly bytes: Buffer;
}

/** What a column has of a stripe beside which of its values are null. Columns in it have their own. */
interface Content {
  put(value: Exclude<PlainValue, null>): void;
  /** The streams of what was put since; they are empty then. */
  take(): OrcStream[];
  readonly parts: readonly OrcColumn[];
}

/** A column of a file, which is written a stripe at a time. */
export class OrcColumn {
  readonly #content: Content;
  readonly #present = new ByteSink();
  #hasNullInStripe = false;
  /** In the whole file. */
  values = 0;
  hasNull = false;

  constructor(content: Content) {
    this.#content = content;
  }

  /** It and those in it, in the order of their numbers. */
  get all(): readonly OrcColumn[] {
    return [this, ...this.#content.parts.flatMap((part) => part.all)];
  }

  add(value: PlainValue): void {
    this.#present.byte(value === null ? 0 : 1);
    if (value === null) {
      this.#hasNullInStripe = true;
      this.hasNull = true;
      return;
    }
    this.values += 1;
    this.#content.put(value);
  }

  take(): OrcStream[] {
    const flags = this.#present.take();
    const present = this.#hasNullInStripe ? [{ kind: PRESENT, bytes: bitRuns(flags) }] : [];
    this.#hasNullInStripe = false;
    return [...present, ...this.#content.take()];
  }
}

/** Fields and parts of structs may be null whatever the stream says now. */
export function orcColumn(type: FieldType): OrcColumn {
  return new OrcColumn(contentOf(type));
}

function contentOf(type: FieldType): Content {
  switch (type.kind) {
    case 'boolean':
      return booleans();
    case 'float':
      return numbers((sink, value) => sink.float(value));
    case 'double':
      return numbers((sink, value) => sink.double(value));
    case 'string':
    case 'uuid':
      return bytes((sink, value) => sink.text(value as string));
    case 'binary':
      return bytes((sink, value) => {
        sink.fixed(value as Uint8Array);
        return (value as Uint8Array).length;
      });
    case 'decimal':
      return decimals(type.scale);
    case 'timestamp':
    case 'timestamptz':
      return times();
    case 'list':
      return list(orcColumn(type.element.type));
    case 'map':
      return map(orcColumn(type.key.type), orcColumn(type.value.type));
    case 'struct':
      return struct(type.fields.map((field) => orcColumn(field.type)));
    default:
      return integers();
  }
}

function booleans(): Content {
  const flags = new ByteSink();
  return {
    put: (value) => flags.byte(value === true ? 1 : 0),
    take: () => [{ kind: DATA, bytes: bitRuns(flags.take()) }],
    parts: [],
  };
}

function numbers(write: (sink: ByteSink, value: number) => void): Content {
  const sink = new ByteSink();
  return {
    put: (value) => write(sink, value as number),
    take: () => [{ kind: DATA, bytes: Buffer.from(sink.take()) }],
    parts: [],
  };
}

/** The values of a stripe, of one kind of integers. */
class IntegerStream {
  readonly #kind: number;
  readonly #isSigned: boolean;
  #values: (number | bigint)[] = [];

  constructor(kind: number, isSigned: boolean) {
    this.#kind = kind;
    this.#isSigned = isSigned;
  }

  put(value: number | bigint): void {
    this.#values.push(value);
  }

  take(): OrcStream {
    const bytes = integerRuns(this.#values, { isSigned: this.#isSigned });
    this.#values = [];
    return { kind: this.#kind, bytes };
  }
}

function integers(): Content {
  const values = new IntegerStream(DATA, true);
  return {
    put: (value) => values.put(value as number | bigint),
    take: () => [values.take()],
    parts: [],
  };
}

/** @param write writes a value and tells how many bytes it is */
function bytes(write: (sink: ByteSink, value: PlainValue) => number): Content {
  const sink = new ByteSink();
  const lengths = new IntegerStream(LENGTH, false);
  return {
    put: (value) => lengths.put(write(sink, value)),
    take: () => [{ kind: DATA, bytes: Buffer.from(sink.take()) }, lengths.take()],
    parts: [],
  };
}

/** Numbers of any length, and of each how many of its digits are behind the point. */
function decimals(scale: number): Content {
  const sink = new ByteSink();
  const scales = new IntegerStream(SECONDARY, true);
  return {
    put: (value) => {
      sink.zigzag(value as bigint);
      scales.put(scale);
    },
    take: () => [{ kind: DATA, bytes: Buffer.from(sink.take()) }, scales.take()],
    parts: [],
  };
}

/** 2015-01-01 in seconds since 1970: what times are counted from. */
const BASE_SECONDS = 1_420_070_400;
const SECOND_MICROS = 1_000_000n;
/** Readers take a second from times before 1970 that have more (ORC-763): so it is added here, as other writers do. */
const NANOS_MAX_AS_IS = 999_999;

function times(): Content {
  const seconds = new IntegerStream(DATA, true);
  const nanos = new IntegerStream(SECONDARY, false);
  return {
    put: (value) => {
      const micros = value as bigint;
      const part = ((micros % SECOND_MICROS) + SECOND_MICROS) % SECOND_MICROS;
      const whole = Number((micros - part) / SECOND_MICROS);
      const nanosecond = Number(part) * 1000;
      const isMoved = whole < 0 && nanosecond > NANOS_MAX_AS_IS;
      seconds.put((isMoved ? whole + 1 : whole) - BASE_SECONDS);
      nanos.put(shortNanos(nanosecond));
    },
    take: () => [seconds.take(), nanos.take()],
    parts: [],
  };
}

/** Without the zeros at its end; the lowest three bits say how many they were, less one. */
function shortNanos(nanos: number): number {
  if (nanos === 0) return 0;
  let [left, zeros] = [nanos, 0];
  while (zeros < 8 && left % 10 === 0) {
    left /= 10;
    zeros += 1;
  }
  return zeros < 2 ? nanos * 8 : left * 8 + zeros - 1;
}

function list(element: OrcColumn): Content {
  const lengths = new IntegerStream(LENGTH, false);
  return {
    put: (value) => {
      const items = value as readonly PlainValue[];
      lengths.put(items.length);
      for (const item of items) element.add(item);
    },
    take: () => [lengths.take()],
    parts: [element],
  };
}

function map(key: OrcColumn, item: OrcColumn): Content {
  const lengths = new IntegerStream(LENGTH, false);
  return {
    put: (value) => {
      const pairs = value as readonly (readonly [PlainValue, PlainValue])[];
      lengths.put(pairs.length);
      for (const [one, other] of pairs) {
        key.add(one);
        item.add(other);
      }
    },
    take: () => [lengths.take()],
    parts: [key, item],
  };
}

function struct(parts: readonly OrcColumn[]): Content {
  return {
    put: (value) =>
      parts.forEach((part, index) => {
        part.add((value as readonly PlainValue[])[index] ?? null);
      }),
    take: () => [],
    parts,
  };
}
