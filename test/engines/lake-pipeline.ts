import { expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Row } from '../support/every-type.ts';
import { type RunningPipeline, runPipeline } from '../support/running-pipeline.ts';

const DELIVERED_MS_MAX = 60_000;

export type Rows = readonly (readonly unknown[])[];
export type Ask = (statement: string) => Promise<Rows>;

export interface LakePipeline extends RunningPipeline {
  /** Where engines find the catalog. */
  readonly catalog: string;
  /** Resolves when what was sent is in the stream's table. */
  deliver(stream: string, records: readonly Row[]): Promise<void>;
}

/** A pipeline in `dev`, which asks nobody for a key, for engines to work on its lake. */
export async function startLake(
  folder: string,
  definitions: string,
  args: readonly string[] = [],
): Promise<LakePipeline> {
  const source = `import { bucket, day, field as f, identity, stream } from 'millrace';\n${definitions}`;
  const pipe = await runPipeline(folder, source, { args });
  const isDelivered = async (stream: string) => {
    const [[lag, error] = []] = await pipe.sql(
      `select lag, error from sys.deliveries where stream = '${stream}'`,
    );
    if (error !== null) throw new Error(`${stream} is not delivered: ${error}`);
    return lag === '0' || undefined;
  };
  return {
    ...pipe,
    catalog: `${pipe.url}/iceberg`,
    deliver: async (stream, records) => {
      const response = await pipe.post(`/v1/streams/${stream}/records`, JSON.stringify(records));
      expect(await response.json()).toMatchObject({ accepted: records.length, rejected: [] });
      await eventually(() => isDelivered(stream), DELIVERED_MS_MAX);
    },
  };
}
