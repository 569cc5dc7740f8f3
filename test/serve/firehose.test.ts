import { expect, test } from 'vitest';
import { type Answer, call } from '../aws/kinesis-call.ts';
import { appOfFile } from '../support/app.ts';

/** What becomes of a delivery stream when several programs change it at once. */
const app = appOfFile(`import { stream, field as f } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int() } });
`);

const ask = (operation: string, name: string, more: object = {}): Promise<Answer> =>
  call(`${app().address}/`, operation, { DeliveryStreamName: name, ...more }, 'firehose');

async function created(name: string): Promise<string> {
  expect((await ask('CreateDeliveryStream', name)).status).toBe(200);
  return name;
}

const times = <T>(count: number, action: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => action(index)));

const typesOf = (answers: readonly Answer[]) =>
  answers.map(({ body }) => body['__type'] ?? 'done').sort();

test('of updates of one version exactly one is taken', async () => {
  const name = await created('updated');
  const answers = await times(5, (index) =>
    ask('UpdateDestination', name, {
      CurrentDeliveryStreamVersionId: '1',
      DestinationId: 'destinationId-000000000001',
      ExtendedS3DestinationUpdate: { Prefix: `update-${index}/` },
    }),
  );
  const refused = Array.from({ length: 4 }, () => 'ConcurrentModificationException');
  expect(typesOf(answers)).toEqual([...refused, 'done']);
  const taken = answers.findIndex(({ status }) => status === 200);
  expect((await ask('DescribeDeliveryStream', name)).body).toMatchObject({
    DeliveryStreamDescription: {
      VersionId: '2',
      Destinations: [{ ExtendedS3DestinationDescription: { Prefix: `update-${taken}/` } }],
    },
  });
});

test.each(['sales', 'tagged'])('tags that come to %s at once are all there', async (name) => {
  if (name === 'tagged') await created(name);
  await times(10, (index) =>
    ask('TagDeliveryStream', name, { Tags: [{ Key: `key-${index}`, Value: 'x' }] }),
  );
  await times(3, (index) => ask('UntagDeliveryStream', name, { TagKeys: [`key-${index}`] }));
  const { body } = await ask('ListTagsForDeliveryStream', name);
  const keys = (body['Tags'] as { Key: string }[]).map(({ Key }) => Key);
  expect(keys).toEqual(Array.from({ length: 7 }, (_, index) => `key-${index + 3}`));
});

test('one that is deleted does not come back with a tag', async () => {
  const name = await created('deleted');
  const tag = () => ask('TagDeliveryStream', name, { Tags: [{ Key: 'a', Value: 'b' }] });
  await Promise.all([tag(), ask('DeleteDeliveryStream', name), tag(), tag(), tag()]);
  expect(typesOf([await ask('DescribeDeliveryStream', name)])).toEqual([
    'ResourceNotFoundException',
  ]);
});

test('of those made at once with one name one is, and its stream goes with it', async () => {
  const answers = await times(5, () => ask('CreateDeliveryStream', 'made'));
  const refused = Array.from({ length: 4 }, () => 'ResourceInUseException');
  expect(typesOf(answers)).toEqual([...refused, 'done']);
  expect((await ask('DeleteDeliveryStream', 'made')).status).toBe(200);
  const left = await call(`${app().address}/`, 'DescribeStreamSummary', { StreamName: 'made' });
  expect(typesOf([left])).toEqual(['ResourceNotFoundException']);
});
