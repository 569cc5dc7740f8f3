import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { DeliveryLoop } from '../../src/deliver/embedded/delivery-loop.ts';
import { FaultFileSystem } from '../support/fault-file-system.ts';
import { HandMovedClock } from '../support/lake-table.ts';
import { batchOf, LOG_SETTINGS, storeOn } from '../support/stream.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

async function failing(settings: { everyMs: number; bytesMax: number }) {
  const clock = new HandMovedClock();
  const log = await storeOn(new FaultFileSystem(1), '/data', { clock }).open(LOG_SETTINGS);
  const target = { tries: 0, next: 0, isAway: true };
  const loop = new DeliveryLoop({
    log,
    ...settings,
    consumer: 'test',
    clock,
    logger: silentLogger,
    next: () => target.next,
    deliver: async (until) => {
      target.tries += 1;
      if (target.isAway) throw new Error('the target is away');
      target.next = until;
      return { rows: 1 };
    },
  });
  await log.append(batchOf(['{"n":1}']));
  await settle();
  return { clock, log, loop, target };
}

test.each([
  ['so much waits that it would begin at once', 0, { everyMs: 60_000, bytesMax: 1 }],
  ['it begins seldom', 3_600_000, { everyMs: 3_600_000, bytesMax: 1_000_000 }],
])('after a failure there is a pause of seconds, where %s', async (_title, beginsMs, settings) => {
  const { clock, log, loop, target } = await failing(settings);
  await clock.move(beginsMs);
  await settle();
  expect(target.tries).toBe(1);
  await log.append(batchOf(['{"n":2}']));
  await settle();
  expect(target.tries, 'a new record does not end the pause').toBe(1);
  await clock.move(5000);
  await settle();
  expect(target.tries).toBe(2);
  target.isAway = false;
  await loop.deliverNow();
  expect(loop.status()).toMatchObject({ lag: 0, error: null });
  await clock.move(5000);
  await settle();
  expect(target.tries, 'nothing waits').toBe(3);
  await loop.close();
  await log.close();
});
