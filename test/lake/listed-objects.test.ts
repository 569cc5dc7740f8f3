import { expect, test } from 'vitest';
import { listedObjects } from '../../src/lake/aws/listed-objects.ts';

const page = (keys: readonly string[], more: string): string =>
  `<?xml version="1.0"?>\n<ListBucketResult>${keys.map((key) => `<Contents>\n<Key>${key}</Key><Size>1</Size></Contents>`).join('')}${more}</ListBucketResult>`;

test('pages are asked for one after the other, and keys are what they were', async () => {
  const asked: { readonly [name: string]: string }[] = [];
  const pages = [
    page(
      ['p/a+b%2Bc%26', 'p/'],
      '<EncodingType>url</EncodingType><NextContinuationToken>x&amp;y</NextContinuationToken>',
    ),
    page(['p/d&amp;&#x65;&#102;'], '<CommonPrefixes><Prefix>p/folder/</Prefix></CommonPrefixes>'),
  ];
  const found = await listedObjects({ bucket: 'b', prefix: 'p/', deep: false }, async (query) => {
    asked.push(query);
    return pages[asked.length - 1] ?? '';
  });
  expect(found).toEqual({
    objects: ['s3://b/p/a b+c&', 's3://b/p/d&ef'],
    folders: ['s3://b/p/folder'],
  });
  expect(asked.map((query) => query['continuation-token'])).toEqual([undefined, 'x&y']);
  expect(asked[0]).toMatchObject({ 'list-type': '2', prefix: 'p/', delimiter: '/' });
});
