import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { Boto3 } from './boto3.ts';
import { type RunningPipeline, runPipeline, type StartOptions } from './running-pipeline.ts';

interface AwsPipeline {
  readonly pipeline: RunningPipeline;
  /** Clients of boto3, from their first use on. */
  readonly kinesis: Boto3;
  readonly firehose: Boto3;
  /** A stream's name that no other test has. */
  newName(): string;
  /** Makes a stream through boto3; it is ACTIVE. */
  createdStream(shards?: number, more?: object): Promise<string>;
}

/** For tests of streams that programs make: it has to have one of its own. */
export const ANY_PIPELINE = `
import { field as f, stream } from 'millrace';
export const other = stream('other', { fields: { id: f.int() } });
`;

/** One pipeline for all tests of a file, in `dev` where nothing else is said, and AWS clients of it. */
export function awsPipeline(source: string, options: StartOptions = {}): AwsPipeline {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  const clients = new Map<string, Boto3>();
  let running: RunningPipeline | undefined;
  let names = 0;
  const client = (service: 'kinesis' | 'firehose'): Boto3 => {
    const known = clients.get(service);
    if (known) return known;
    const made = new Boto3(service, (running as RunningPipeline).url);
    clients.set(service, made);
    return made;
  };
  const newName = () => `Orders-${++names}.test_${names}`;
  beforeAll(async () => {
    running = await runPipeline(folder, source, options);
  });
  afterAll(async () => {
    for (const boto3 of clients.values()) boto3.close();
    await running?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    get pipeline() {
      return running as RunningPipeline;
    },
    get kinesis() {
      return client('kinesis');
    },
    get firehose() {
      return client('firehose');
    },
    newName,
    createdStream: async (shards = 1, more = {}) => {
      const name = newName();
      const kinesis = client('kinesis');
      await kinesis.call('create_stream', { StreamName: name, ShardCount: shards, ...more });
      await kinesis.wait('stream_exists', { StreamName: name });
      return name;
    },
  };
}
