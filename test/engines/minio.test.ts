import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderOfFile } from './folder-of-file.ts';
import { type Minio, startMinio } from './minio.ts';

const folder = folderOfFile();
let minio: Minio;

beforeAll(async () => {
  minio = await startMinio(folder());
  await minio.makeBucket('lake');
});
afterAll(() => minio?.stop());

const put = (body: string, headers: Record<string, string>) =>
  minio.client.fetch(`${minio.url}/lake/pointer`, { method: 'PUT', body, headers });

test('the S3 server of this suite puts what is not there once, and replaces what was read only', async () => {
  const attempts = Array.from({ length: 8 }, (_, n) => put(`${n}`, { 'if-none-match': '*' }));
  const statuses = (await Promise.all(attempts)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  const read = await minio.client.fetch(`${minio.url}/lake/pointer`);
  const etag = read.headers.get('etag') as string;
  expect((await put('next', { 'if-match': etag })).status).toBe(200);
  expect((await put('late', { 'if-match': etag })).status).toBe(412);
});
