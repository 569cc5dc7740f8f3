import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { HASH_KEYS, type Shard, type ShardChange } from '../stream/shard-map.ts';
import { members } from './admin.ts';
import type { Services } from './services.ts';

type StreamParams = { Params: { stream: string } };
type ConsumerParams = { Params: { stream: string; consumer: string } };

/** Shards, named consumers and dead letters of a stream. */
export async function streamRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  const reader = { config: { roles: ['reader'] as const } };
  const admin = { config: { roles: ['admin'] as const } };
  server.get<StreamParams>('/v1/streams/:stream/shards', reader, async ({ params }) => ({
    shards: (await services.shards(params.stream)).map(shardText),
  }));
  server.post<StreamParams>('/v1/streams/:stream/shards', admin, async ({ params, body }) => ({
    shards: (await services.reshard(params.stream, parseChange(body))).map(shardText),
  }));
  server.post<StreamParams>('/v1/streams/:stream/redrive', admin, async ({ params, body }) => {
    const { where } = members(body ?? {}, ['where']);
    if (where !== undefined && typeof where !== 'string')
      throw new MillraceError('MR_REQUEST_INVALID', "'where' must be a condition of SQL, as text.");
    return services.redrive(params.stream, where);
  });
  server.get<StreamParams>('/v1/streams/:stream/consumers', reader, async ({ params }) => ({
    consumers: await services.consumers(params.stream),
  }));
  server.put<ConsumerParams>(
    '/v1/streams/:stream/consumers/:consumer',
    reader,
    async ({ params, body }) => {
      const next = parseNext(body);
      await services.commitConsumer(params.stream, params.consumer, next);
      return { consumer: params.consumer, next: String(next) };
    },
  );
  server.delete<ConsumerParams>(
    '/v1/streams/:stream/consumers/:consumer',
    admin,
    async ({ params: { stream, consumer } }) => {
      if (await services.removeConsumer(stream, consumer)) return { removed: consumer };
      throw new MillraceError(
        'MR_REQUEST_NOT_FOUND',
        `Stream '${stream}' has no named consumer '${consumer}'.`,
      );
    },
  );
}

/** Hash keys and sequence numbers are longer than a number in JSON can be. */
const shardText = (shard: Shard): object => ({
  shard: shard.id,
  state: shard.closedAt === null ? 'open' : 'closed',
  hashFrom: String(shard.hashFrom),
  hashLast: String(shard.hashLast),
  parents: shard.parents,
  openedAt: String(shard.openedAt),
  closedAt: shard.closedAt === null ? null : String(shard.closedAt),
});

const CHANGES =
  'Send {"count": 8}, {"split": 0}, {"split": 0, "at": "a hash key"} or {"merge": [0, 1]}.';

function parseChange(body: unknown): ShardChange {
  const { count, split, at, merge } = members(body, ['count', 'split', 'at', 'merge']);
  const given = [count, split, merge].filter((part) => part !== undefined);
  if (given.length !== 1 || (at !== undefined && split === undefined))
    throw new MillraceError('MR_REQUEST_INVALID', `One change at a time. ${CHANGES}`);
  if (isCount(count)) return { count };
  if (isCount(split)) return at === undefined ? { split } : { split, at: parseHashKey('at', at) };
  if (isPair(merge)) return { merge };
  throw new MillraceError('MR_REQUEST_INVALID', `Shards and counts are whole numbers. ${CHANGES}`);
}

const isCount = (value: unknown): value is number => Number.isInteger(value);
const isPair = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every(isCount);

/** @throws MillraceError MR_REQUEST_INVALID for anything but a decimal number below 2^128 */
export function parseHashKey(name: string, text: unknown): bigint {
  if (typeof text === 'string' && /^\d{1,39}$/.test(text) && BigInt(text) < HASH_KEYS)
    return BigInt(text);
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `'${name}' must be a hash key: a decimal number from 0 to 2^128 - 1, as text.`,
  );
}

function parseNext(body: unknown): number {
  const { next } = members(body, ['next']);
  if (typeof next === 'string' && /^\d{1,16}$/.test(next)) return Number(next);
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `'next' must be the sequence number to go on at, as text: {"next": "123"}.`,
  );
}
