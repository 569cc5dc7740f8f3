import type { Clock } from '../core/clock.ts';
import { HOUR_MS } from '../core/duration.ts';
import type { NamedField } from '../core/field-types.ts';
import { LIMITS } from '../core/limits.ts';
import type { NewStream, WireStream, WireStreams } from '../serve/aws/wire-streams.ts';
import { ReadTurns } from '../stream/read-turns.ts';
import { DEFAULT_RECORD_KIB, type StreamAttributes } from '../stream/stream-attributes.ts';
import type { Target } from '../target/target.ts';
import type { CreatedAttributes, CreatedStreams } from './created-streams.ts';
import type { Runtime } from './runtime.ts';

export interface WireStreamsParts {
  readonly runtime: () => Promise<Runtime>;
  readonly created: CreatedStreams;
  readonly target: Target;
  readonly clock: Clock;
}

const DEFAULT_RETENTION_HOURS = 24;

/** What programs that speak Kinesis or Firehose are given: the pipeline's streams, and those they make. */
export function createWireStreams({
  runtime,
  created,
  target,
  clock,
}: WireStreamsParts): WireStreams {
  const { streamAttributes } = target;

  /** When a stream of the pipeline was made is not told by its definition: it counts from when it is first asked for. */
  const firstAsked = new Map<string, StreamAttributes>();
  const attributesOf = (name: string): StreamAttributes => {
    const known = streamAttributes.get(name) ?? firstAsked.get(name);
    if (known) return known;
    const made = plainAttributes(clock.now());
    firstAsked.set(name, made);
    // Where it cannot be kept, it is told all the same, and kept with the next change.
    streamAttributes.change(name, (kept) => kept ?? made).catch(() => undefined);
    return made;
  };

  const defined = async (name: string): Promise<WireStream | undefined> => {
    const current = await runtime();
    const running = current.streams.get(name);
    if (!running) return undefined;
    const { plan, log } = running;
    return {
      name,
      log,
      isDefined: true,
      key: plan.fields.find((field: NamedField) => field.name === plan.key),
      retentionMs: plan.retention.ageMs,
      attributes: attributesOf(name),
      put: (entries, producer) => current.put(name, entries, producer),
    };
  };

  const made = async (name: string): Promise<WireStream | undefined> => {
    const stream = await created.find(name);
    const attributes = created.attributes(name);
    if (!stream || !attributes) return undefined;
    return {
      name,
      log: stream.log,
      isDefined: false,
      key: undefined,
      retentionMs: attributes.created.retentionHours * HOUR_MS,
      attributes,
      put: (entries) => stream.puts.put(entries),
    };
  };

  return {
    files: target.files,
    turns: new ReadTurns(LIMITS.createdRecordBytesMax),
    deliveries: target.deliveryAttributes,
    names: async () => {
      const all = new Set([...(await runtime()).streams.keys(), ...created.names()]);
      return [...all].sort();
    },
    find: async (name) => (await defined(name)) ?? made(name),
    describe: async (name) => {
      if ((await runtime()).streams.has(name))
        return { name, isDefined: true, attributes: attributesOf(name) };
      const attributes = created.attributes(name);
      return attributes && { name, isDefined: false, attributes };
    },
    create: async (name, stream) =>
      !(await runtime()).streams.has(name) &&
      created.create(name, newAttributes(stream, clock.now())),
    remove: (name) => created.remove(name),
    changeAttributes: (name, change) =>
      streamAttributes.change(name, (known) => {
        const now = known ?? attributesOf(name);
        return { ...now, ...change(now) };
      }),
    setRetention: (name, hours) => created.setRetention(name, hours),
  };
}

function plainAttributes(nowMs: number): StreamAttributes {
  return {
    createdMs: nowMs,
    mode: 'PROVISIONED',
    maxRecordKiB: DEFAULT_RECORD_KIB,
    tags: {},
    consumers: [],
  };
}

function newAttributes(stream: NewStream, nowMs: number): CreatedAttributes {
  const { shards, mode, maxRecordKiB, tags } = stream;
  return {
    ...plainAttributes(nowMs),
    mode,
    maxRecordKiB,
    tags,
    created: { shards, retentionHours: DEFAULT_RETENTION_HOURS },
  };
}
