import { afterAll, beforeAll } from 'vitest';
import { describeLakeInBucket } from '../conformance/lake-in-bucket.ts';
import { folderOfFile } from './folder-of-file.ts';
import { type Minio, startMinio } from './minio.ts';

const BUCKET = 'commits';
const folder = folderOfFile();
let minio: Minio | undefined;

beforeAll(async () => {
  minio = await startMinio(folder());
  await minio.makeBucket(BUCKET);
});
afterAll(() => minio?.stop());

describeLakeInBucket(
  {
    bucket: BUCKET,
    get endpoint() {
      return minio?.url ?? '';
    },
    get keys() {
      const { accessKey = '', secretKey = '' } = minio ?? {};
      return { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey };
    },
  },
  { everyNth: 2 },
);
