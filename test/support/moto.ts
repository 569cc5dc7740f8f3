import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect } from 'vitest';
import { python } from './python.ts';

export const S3_KEYS = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };

/** Moto answers as S3 does, from memory, for the tests of one file. It takes a free port and tells it. */
export function motoServer(bucket: string) {
  const server = { endpoint: '', bucket, keys: S3_KEYS };
  let child: ChildProcess | undefined;
  beforeAll(async () => {
    const args = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', '0'];
    const started = spawn(python(), args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child = started;
    server.endpoint = await new Promise((resolve, reject) => {
      const said: string[] = [];
      started.once('error', reject);
      started.once('exit', () => reject(new Error(`moto ended: ${said.join('\n')}`)));
      createInterface({ input: started.stderr }).on('line', (line) => {
        said.push(line);
        const found = /Running on (http:\S+)/.exec(line);
        if (found) resolve(found[1] as string);
      });
    });
    const made = await fetch(`${server.endpoint}/${bucket}`, { method: 'PUT' });
    expect(made.status).toBe(200);
  });
  afterAll(() => {
    child?.kill('SIGKILL');
  });
  return server;
}
