import { expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { BufferPool } from '../../src/ingest/buffer-pool.ts';

test('so many buffers are lent at once; who comes then waits, first come, first served', async () => {
  const pool = new BufferPool();
  const lent = Array.from({ length: LIMITS.piecesAtOnce }, () => pool.take(1000) as Buffer);
  const served: string[] = [];
  const waiting = ['first', 'second'].map(async (name) => {
    const buffer = await pool.take(1000);
    served.push(name);
    return buffer;
  });
  await Promise.resolve();
  expect(served).toEqual([]);
  pool.give(lent[0] as Buffer);
  await waiting[0];
  expect(served).toEqual(['first']);
  pool.give(lent[1] as Buffer);
  pool.give((await waiting[0]) as Buffer);
  await waiting[1];
  expect(pool.take(1000), 'one is free again').toBeInstanceOf(Buffer);
  expect(pool.take(1000), 'and no other').toBeInstanceOf(Promise);
});
