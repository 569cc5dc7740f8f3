import { call } from './kinesis-call.ts';
import type { ScriptRun } from './oracle-run.ts';

const StreamName = 'four';

/** Retention, tags, modes, consumers, and the end of a stream. */
export async function administration(run: ScriptRun): Promise<void> {
  run.stream = StreamName;
  await run.call('create four', 'CreateStream', { StreamName, ShardCount: 1 });
  await run.settled(StreamName);
  await retention(run);
  await tags(run);
  await consumers(run);
  await modes(run);
  await run.call('limits', 'DescribeLimits', {});
  await run.call('delete no stream', 'DeleteStream', { StreamName: 'none' });
  await run.call('delete', 'DeleteStream', { StreamName, EnforceConsumerDeletion: true });
  await run.gone(StreamName);
  await run.call('summary of a stream that is gone', 'DescribeStreamSummary', { StreamName });
  await run.call('list streams without the one that is gone', 'ListStreams', {});
}

async function retention(run: ScriptRun): Promise<void> {
  const change = (name: string, way: 'Increase' | 'Decrease', RetentionPeriodHours: unknown) =>
    run.call(name, `${way}StreamRetentionPeriod`, { StreamName, RetentionPeriodHours });
  await change('keep 48 hours', 'Increase', 48);
  await run.settled(StreamName);
  await change('keep more by keeping 24 hours', 'Increase', 24);
  await change('keep less by keeping 72 hours', 'Decrease', 72);
  await change('keep 8761 hours', 'Increase', 8761);
  await change('keep 23 hours', 'Decrease', 23);
  await change('keep 30 hours', 'Decrease', 30);
  await run.settled(StreamName);
  await run.call('summary after retention', 'DescribeStreamSummary', { StreamName });
}

async function tags(run: ScriptRun): Promise<void> {
  const add = (name: string, Tags: object) =>
    run.call(name, 'AddTagsToStream', { StreamName, Tags });
  await add('tag', { a: '1', b: '2', c: '3' });
  await add('tag with nothing', {});
  await add('tag with a name of 129', { ['t'.repeat(129)]: '1' });
  await run.call('list tags', 'ListTagsForStream', { StreamName });
  await run.call('list two tags', 'ListTagsForStream', { StreamName, Limit: 2 });
  await run.call('list tags after a', 'ListTagsForStream', {
    StreamName,
    ExclusiveStartTagKey: 'a',
  });
  await run.call('list tags of no stream', 'ListTagsForStream', { StreamName: 'none' });
}

async function consumers(run: ScriptRun): Promise<void> {
  const { StreamDescriptionSummary } = (await run.call('summary of four', 'DescribeStreamSummary', {
    StreamName,
  })) as { StreamDescriptionSummary: { StreamARN: string } };
  const { StreamARN } = StreamDescriptionSummary;
  const noStreamArn = StreamARN.replace(/four$/, 'none');
  const register = (name: string, input: object) => run.call(name, 'RegisterStreamConsumer', input);
  const { Consumer } = (await register('register', { StreamARN, ConsumerName: 'reader' })) as {
    Consumer: { ConsumerARN: string };
  };
  await register('register again', { StreamARN, ConsumerName: 'reader' });
  await register('register for no stream', { StreamARN: noStreamArn, ConsumerName: 'reader' });
  await register('register nothing', { StreamARN });
  const describe = (name: string, input: object) => run.call(name, 'DescribeStreamConsumer', input);
  await run.consumerActive(Consumer.ConsumerARN);
  await describe('consumer by ARN', { ConsumerARN: Consumer.ConsumerARN });
  await describe('consumer by name', { StreamARN, ConsumerName: 'reader' });
  await describe('no consumer', { StreamARN, ConsumerName: 'none' });
  await describe('consumer of nothing', {});
  await run.call('list consumers', 'ListStreamConsumers', { StreamARN });
  await run.call('list consumers of no stream', 'ListStreamConsumers', { StreamARN: noStreamArn });
  await run.call('deregister no consumer', 'DeregisterStreamConsumer', {
    ...{ StreamARN, ConsumerName: 'none' },
  });
  await run.call('deregister', 'DeregisterStreamConsumer', { ConsumerARN: Consumer.ConsumerARN });
}

async function modes(run: ScriptRun): Promise<void> {
  const { body } = await call(run.endpoint, 'DescribeStreamSummary', { StreamName });
  const { StreamARN } = body['StreamDescriptionSummary'] as { StreamARN: string };
  const update = (name: string, StreamMode: string) =>
    run.call(name, 'UpdateStreamMode', { StreamARN, StreamModeDetails: { StreamMode } });
  await update('on demand', 'ON_DEMAND');
  await run.settled(StreamName);
  await run.call('summary on demand', 'DescribeStreamSummary', { StreamName });
  await update('in a mode of its own', 'SOMETIMES');
}

/** What is no call at all. */
export async function protocol(run: ScriptRun): Promise<void> {
  await run.call('an operation of its own', 'MakeCoffee', {});
  await run.call('a body that is not JSON', 'ListStreams', '{"Limit":');
  await run.call('a body that is a list', 'ListStreams', '[]');
  await run.call('a member with the type of another', 'ListStreams', { Limit: 'many' });
  await run.call('a member of its own', 'ListStreams', { Colour: 'blue' });
}
