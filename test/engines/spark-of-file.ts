import { afterAll, beforeAll } from 'vitest';
import { folderOfFile } from './folder-of-file.ts';
import { type LakePipeline, startLake } from './lake-pipeline.ts';
import { type Spark, startSpark } from './spark.ts';

export interface SparkAtLake {
  readonly lake: LakePipeline;
  readonly spark: Spark;
}

/** A pipeline, and Spark at the catalog of its lake, for all tests of a file. */
export function sparkOfFile(definitions: string): SparkAtLake {
  const folder = folderOfFile();
  const parts: { lake?: LakePipeline; spark?: Spark } = {};
  beforeAll(async () => {
    parts.lake = await startLake(folder(), definitions);
    // Spark keeps tables for half a minute, in which it does not see what others commit.
    const seesOthers = { 'cache-enabled': 'false' };
    parts.spark = await startSpark(folder(), {
      type: 'rest',
      uri: parts.lake.catalog,
      ...seesOthers,
    });
    await parts.spark.sql('create namespace work');
  });
  afterAll(async () => {
    await parts.spark?.stop();
    await parts.lake?.stop();
  });
  return {
    get lake() {
      return parts.lake as LakePipeline;
    },
    get spark() {
      return parts.spark as Spark;
    },
  };
}
