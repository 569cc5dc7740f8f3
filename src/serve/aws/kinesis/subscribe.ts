import { waitForRecords } from '../../../stream/wait-for-records.ts';
import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import { JSON_CODEC, type Output } from '../../../wire/aws-api/codec.ts';
import { eventMessage } from '../../../wire/aws-api/event-stream.ts';
import { type AwsCall, inUse, refuseDryRun } from '../aws-call.ts';
import { asAwsError } from '../map-error.ts';
import { findConsumer } from './consumers.ts';
import type { Input } from './input.ts';
import { startOf } from './position.ts';
import { childShards, findShard } from './shard-id.ts';
import { readShard, recordsOutput, type ShardPiece, type ShardPosition } from './shard-reader.ts';

/** A subscription ends after that time, and its program subscribes again behind the last record it has. */
const SUBSCRIPTION_MS = 5 * 60_000;
/** Another one of the same consumer and shard takes its place, once it is so old. */
const TAKEOVER_MS = 5000;
const HEARTBEAT_MS = 5000;
const RECORDS_MAX = 10_000;
const BYTES_MAX = 1024 * 1024;

interface Subscription {
  readonly startedMs: number;
  readonly stop: AbortController;
}

/** The open subscriptions of enhanced fan-out. */
export class Subscriptions {
  readonly #open = new Map<string, Subscription>();

  get count(): number {
    return this.#open.size;
  }

  /**
   * The events of a subscription, each a message of an event stream; the first one says that it is open. It is over
   * once `ended` is aborted, whoever does not take them.
   * @throws AwsError before there is any
   */
  async subscribe(
    call: AwsCall,
    input: Input<'SubscribeToShard'>,
    signal: AbortSignal,
  ): Promise<{ messages: AsyncGenerator<Buffer>; ended: AbortSignal }> {
    const { stream, consumer } = await findConsumer(call, input);
    const shard = findShard(stream, input.ShardId);
    const { Type, SequenceNumber, Timestamp } = input.StartingPosition;
    const start = { type: Type, sequence: SequenceNumber, timeMs: Timestamp };
    const position = await startOf(call, stream, shard, start);
    refuseDryRun(input.DryRun);
    const name = `${input.ConsumerARN}/${input.ShardId}`;
    const now = call.clock.now();
    const before = this.#open.get(name);
    if (before && now - before.startedMs < TAKEOVER_MS)
      throw inUse(
        `Another active subscription exists for consumer ${consumer.name} and shard ${input.ShardId}: try again in five seconds.`,
      );
    before?.stop.abort();
    const stop = new AbortController();
    const opened = { startedMs: now, stop };
    this.#open.set(name, opened);
    const cancel = call.clock.after(SUBSCRIPTION_MS, () => stop.abort());
    const ended = AbortSignal.any([stop.signal, signal]);
    const done = (): void => {
      cancel();
      if (this.#open.get(name) === opened) this.#open.delete(name);
    };
    const parts = { stream: stream.name, shard: input.ShardId, epoch: stream.log.epoch, ended };
    return { messages: messages(events(call, parts, position), done), ended };
  }

  /** Ends all: their programs come again by themselves. */
  end(): void {
    for (const { stop } of this.#open.values()) stop.abort();
  }
}

async function* messages(
  outputs: AsyncGenerator<Output>,
  done: () => void,
): AsyncGenerator<Buffer> {
  try {
    yield message('initial-response', {});
    for await (const output of outputs) yield message('SubscribeToShardEvent', output);
  } catch (error) {
    yield failure(asAwsError(error, 'kinesis'));
  } finally {
    done();
  }
}

/** Events are JSON for all programs: AWS's own SDKs read nothing else here. */
function message(type: string, output: Output): Buffer {
  const headers = {
    ':message-type': 'event',
    ':event-type': type,
    ':content-type': JSON_CODEC.contentType,
  };
  return eventMessage(headers, JSON_CODEC.encode(output));
}

function failure({ type, message: text }: AwsError): Buffer {
  const headers = {
    ':message-type': 'exception',
    ':exception-type': type,
    ':content-type': JSON_CODEC.contentType,
  };
  return eventMessage(headers, JSON_CODEC.encode({ message: text }));
}

interface Subscribed {
  readonly stream: string;
  readonly shard: string;
  readonly epoch: string;
  readonly ended: AbortSignal;
}

async function* events(
  call: AwsCall,
  { stream: name, shard: shardId, epoch, ended }: Subscribed,
  start: ShardPosition,
): AsyncGenerator<Output> {
  let position = start;
  while (!ended.aborted) {
    // Of the runtime of now: a changed pipeline opens its logs anew.
    const stream = await call.streams.find(name);
    if (stream?.log.epoch !== epoch || !stream)
      throw new AwsError('ResourceNotFoundException', `Stream ${name} was deleted.`);
    const shard = findShard(stream, shardId);
    const limits = { limit: RECORDS_MAX, bytesMax: BYTES_MAX };
    const piece = await readShard(call, stream, shard, position, limits);
    const isNew = piece.next > position.next;
    position = { ...position, next: piece.next };
    const told = eventOutput(piece, piece.isEnd ? childShards(stream, shard) : undefined);
    if (piece.isEnd) {
      yield told;
      return;
    }
    if (piece.records.length > 0) yield told;
    if (isNew) continue;
    const isMore = await waitForRecords(stream.log, {
      next: position.next,
      clock: call.clock,
      waitMs: HEARTBEAT_MS,
      signals: [ended],
    });
    // In front of the first record there is no number to go on behind.
    if (!isMore && position.next > 0) yield told;
  }
}

function eventOutput({ records, next, behindMs }: ShardPiece, children?: Output): Output {
  return {
    Records: recordsOutput(records),
    // At the end of a shard there is none: its children go on.
    ContinuationSequenceNumber: children ? undefined : String(Math.max(0, next - 1)),
    MillisBehindLatest: behindMs,
    ChildShards: children,
  };
}
