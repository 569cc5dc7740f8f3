import { describeLakeInBucket } from '../conformance/lake-in-bucket.ts';
import { motoServer } from '../support/moto.ts';

// `npm run test:lake` plays more of them, against MinIO.
describeLakeInBucket(motoServer('commits'), { everyNth: 5 });
