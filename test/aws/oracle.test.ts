import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { startPipeline } from '../support/pipeline.ts';
import { type Accepted, differences, judge } from './oracle-compare.ts';
import { ACCEPTED } from './oracle-differences.ts';
import { runScript } from './oracle-script.ts';
import { startKinesisLocal } from './servers.ts';

test('millrace answers as kinesis-local does, but where AWS documents something else', async () => {
  const oracle = await startKinesisLocal();
  const running = await startPipeline(temporaryFolder(), '');
  const [theirs, ours] = [await runScript(oracle.url), await runScript(running.url)];
  const { unexplained, unused } = judge(differences(theirs, ours), ACCEPTED);
  expect(unexplained).toEqual([]);
  expect(unused).toEqual([]);
});

test('control: an answer that is another is noticed', () => {
  const step = (body: object) => [{ name: 'a', answer: { status: 200, body: { ...body } } }];
  const found = differences(step({ Shards: [{ ShardId: 'a' }] }), step({ Shards: [] }));
  expect(found.map(({ path }) => path)).toEqual(['body.Shards.length', 'body.Shards.0.ShardId']);
  const why: Accepted = { steps: ['b'], path: /ShardId/, why: 'another step' };
  expect(judge(found, [why])).toEqual({ unexplained: found, unused: [why] });
});
