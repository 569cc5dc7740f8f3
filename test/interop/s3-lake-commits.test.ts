import { describeLakeInBucket } from '../conformance/lake-in-bucket.ts';
import { motoServer } from '../support/moto.ts';

describeLakeInBucket(motoServer('commits'));
