import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { freePort } from '../support/free-port.ts';
import { EngineProcess } from './engine-process.ts';
import { lakeEnvironment } from './environment.ts';

const ACCESS_KEY = 'millrace-test';
const SECRET_KEY = 'millrace-test-secret';
const REGION = 'us-east-1';

export interface Minio {
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  /** Signed requests to it. */
  readonly client: AwsClient;
  makeBucket(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** An S3 server with its files in the folder. */
export async function startMinio(folder: string): Promise<Minio> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const data = join(folder, 'minio');
  mkdirSync(data);
  const address = url.slice('http://'.length);
  const server = new EngineProcess(
    lakeEnvironment().minio,
    ['server', '--quiet', '--address', address, '--console-address', '127.0.0.1:0', data],
    {
      folder,
      env: {
        MINIO_ROOT_USER: ACCESS_KEY,
        MINIO_ROOT_PASSWORD: SECRET_KEY,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
      },
    },
  );
  await server.started(() =>
    fetch(`${url}/minio/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const client = new AwsClient({
    accessKeyId: ACCESS_KEY,
    secretAccessKey: SECRET_KEY,
    service: 's3',
    region: REGION,
  });
  return {
    ...{ url, accessKey: ACCESS_KEY, secretKey: SECRET_KEY, region: REGION, client },
    makeBucket: async (name) => {
      const response = await client.fetch(`${url}/${name}`, { method: 'PUT' });
      if (!response.ok) throw new Error(`bucket ${name}: ${await response.text()}`);
    },
    stop: () => server.stop(),
  };
}
