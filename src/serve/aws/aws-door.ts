import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { type ReceivedBody, ReceivedBytes } from '../../ingest/received-bytes.ts';
import { AwsError } from '../../wire/aws-api/aws-error.ts';
import { type AwsCodec, codecOf } from '../../wire/aws-api/codec.ts';
import { parseInput } from '../../wire/aws-api/parse-shape.ts';
import type { SignedRequest } from '../../wire/aws-api/sigv4.ts';
import { hostOf } from '../host.ts';
import type { Services } from '../services.ts';
import { withoutFolder } from '../without-folder.ts';
import { AnswerRoom } from './answer-room.ts';
import { checkRoles, whoCalls } from './aws-access.ts';
import type { AwsCall } from './aws-call.ts';
import { firehoseOperation } from './firehose/operations.ts';
import { kinesisOperation } from './kinesis/operations.ts';
import { Subscriptions } from './kinesis/subscribe.ts';
import { type AwsService, asAwsError } from './map-error.ts';
import type { Operation } from './operation.ts';

/** `X-Amz-Target: Kinesis_20131202.PutRecords` */
const SERVICES: {
  readonly [prefix: string]: {
    readonly service: AwsService;
    readonly operation: (name: string) => Operation | undefined;
  };
} = {
  Kinesis_20131202: { service: 'kinesis', operation: kinesisOperation },
  Firehose_20150804: { service: 'firehose', operation: firehoseOperation },
};

interface Asked {
  readonly service: AwsService;
  readonly name: string;
  readonly operation: Operation;
}

const EVENT_STREAM = 'application/vnd.amazon.eventstream';

/** `POST /`: what unmodified programs for Kinesis Data Streams and Firehose ask. */
export async function awsRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  const door = new AwsDoor(services);
  server.addHook('preClose', async () => door.subscriptions.end());
  server.removeAllContentTypeParsers();
  // The handler reads the body itself: what is signed is its bytes.
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  server.post('/', (request, reply) => door.answer(request, reply));
}

export const isAwsRequest = ({ headers }: FastifyRequest): boolean =>
  headers['x-amz-target'] !== undefined ||
  headers['content-type']?.startsWith('application/x-amz-') === true;

/** What is refused before it reaches the door, in words its program reads. */
export function awsBody(error: MillraceError): object {
  const { type, message } = asAwsError(error, 'kinesis');
  return { __type: type, message };
}

class AwsDoor {
  readonly subscriptions = new Subscriptions();
  readonly #services: Services;
  readonly #received = new ReceivedBytes();
  readonly #room = new AnswerRoom();

  constructor(services: Services) {
    this.#services = services;
  }

  async answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (!isAwsRequest(request))
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        'POST / is for programs that speak Kinesis or Firehose: the header X-Amz-Target is missing. See /openapi.json for all routes.',
      );
    const codec = codecOf(request.headers['content-type']);
    const id = randomUUID();
    reply.header('x-amzn-requestid', id).header('content-type', codec.contentType);
    let service: AwsService = 'kinesis';
    try {
      const asked = askedOf(request.headers['x-amz-target']);
      service = asked.service;
      const caller = whoCalls(requestHead(request), this.#services);
      checkRoles(caller, asked.operation, `${asked.service}:${asked.name}`);
      // It counts until the answer has left: what is made of it lives as long.
      const received = this.#received.open();
      reply.raw.once('close', () => received.close());
      const body = await this.#readBody(request, received);
      caller.verify(body);
      const input = parseInput(asked.operation.shape, codec.decode(body), codec);
      if (asked.name === 'GetRecords') this.#takeRoom(request, reply);
      const { wireStreams: streams, clock, logger } = this.#services;
      const call = {
        streams,
        clock,
        logger,
        region: caller.region,
        producer: caller.principal?.id,
      };
      if (!asked.operation.run) return await this.#stream(call, input as never, { reply, id });
      return reply.send(codec.encode(await asked.operation.run(call, input as never)));
    } catch (error) {
      return this.#refuse(request, reply, { codec, error: asAwsError(error, service) });
    }
  }

  #refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    { codec, error }: { codec: AwsCodec; error: AwsError },
  ): FastifyReply {
    const { type, status } = error;
    const message = withoutFolder(error.message, this.#services.folder);
    if (status >= 500)
      this.#services.logger.error(
        { target: request.headers['x-amz-target'], type, error: message },
        'request failed',
      );
    // The rest of a body that nobody wants: an answer that comes before it would be cut off with the connection.
    request.raw.resume();
    return reply
      .status(status)
      .header('x-amzn-errortype', type)
      .send(codec.encode({ __type: type, message }));
  }

  /** @throws AwsError, MillraceError MR_OVERLOADED */
  async #readBody({ raw }: FastifyRequest, received: ReceivedBody): Promise<Buffer> {
    // To stop reading must not cut the connection off: the answer goes the same way.
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      received.add(chunk as Buffer);
      if (received.total > LIMITS.awsRequestBytesMax)
        throw new AwsError(
          'RequestEntityTooLargeException',
          `The request has more than ${LIMITS.awsRequestBytesMax} bytes.`,
          413,
        );
    }
    return received.whole();
  }

  /** For an answer with records. One that is not taken is cut off: it would hold its room for good. */
  #takeRoom({ raw }: FastifyRequest, reply: FastifyReply): void {
    const giveBack = this.#room.take();
    const cancel = this.#services.clock.after(LIMITS.readerStallMs, () => raw.destroy());
    reply.raw.once('close', () => {
      cancel();
      giveBack();
    });
  }

  /** Events as they come, to a program that takes them. */
  async #stream(
    call: AwsCall,
    input: never,
    { reply, id }: { reply: FastifyReply; id: string },
  ): Promise<FastifyReply> {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const { messages, ended } = await this.subscriptions.subscribe(call, input, gone.signal);
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { 'content-type': EVENT_STREAM, 'x-amzn-requestid': id });
    try {
      for await (const message of messages) {
        if (gone.signal.aborted) break;
        if (!raw.write(message)) await drained(raw, ended);
      }
      raw.end();
    } catch (error) {
      call.logger.warn({ error: (error as Error).message }, 'a subscription was cut off');
      raw.destroy();
    }
    return reply;
  }
}

/** Resolves once what was written has left, or nobody waits for it any more. */
async function drained(raw: NodeJS.EventEmitter, ended: AbortSignal): Promise<void> {
  try {
    await once(raw, 'drain', { signal: ended });
  } catch (error) {
    if (!ended.aborted) throw error;
  }
}

/** @throws AwsError UnknownOperationException */
function askedOf(target: string | string[] | undefined): Asked {
  const [prefix = '', name = ''] = String(target ?? '').split('.');
  const known = Object.hasOwn(SERVICES, prefix) ? SERVICES[prefix] : undefined;
  const operation = known?.operation(name);
  if (known && operation) return { service: known.service, name, operation };
  throw new AwsError(
    'UnknownOperationException',
    `Operation ${String(target ?? '(no X-Amz-Target)')} is not known here. Known are those of Kinesis_20131202 and Firehose_20150804.`,
  );
}

function requestHead(request: FastifyRequest): Omit<SignedRequest, 'body'> {
  const { method, raw, headers } = request;
  return { method, url: raw.url ?? '/', headers: { ...headers, host: hostOf(request) } };
}
