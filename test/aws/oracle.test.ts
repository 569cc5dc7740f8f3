import { expect, test } from 'vitest';
import { type Accepted, differences, judge } from './oracle-compare.ts';
import { ACCEPTED } from './oracle-differences.ts';
import { runScript } from './oracle-script.ts';
import { startMillrace, startOracle } from './subjects.ts';

test('millrace answers as kinesis-local does, but where AWS documents something else', async () => {
  const [oracle, running] = [await startOracle(), await startMillrace()];
  const [theirs, ours] = [await runScript(oracle.url), await runScript(running.url)];
  const { unexplained, unused } = judge(differences(theirs, ours), ACCEPTED);
  expect(unexplained).toEqual([]);
  expect(unused).toEqual([]);
});

test('control: an answer that is another is noticed', () => {
  const step = (body: object) => [
    { name: 'a', stream: '', answer: { status: 200, body: { ...body } } },
  ];
  const found = differences(step({ Shards: [{ ShardId: 'a' }] }), step({ Shards: [] }));
  expect(found.map(({ path }) => path)).toEqual(['body.Shards.length', 'body.Shards.0.ShardId']);
  const why: Accepted = { steps: ['b'], path: /ShardId/, why: 'another step' };
  expect(judge(found, [why])).toEqual({ unexplained: found, unused: [why] });
});
