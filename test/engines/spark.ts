import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EngineProcess } from './engine-process.ts';
import { lakeEnvironment } from './environment.ts';

const PROGRAM = fileURLToPath(new URL('spark_sql.py', import.meta.url));
const MEMORY = '1g';
/** The name of the catalog in Spark's SQL. */
const CATALOG = 'millrace';

export type Rows = readonly (readonly unknown[])[];

export interface Spark {
  /** Rows of one statement, values as the product's SQL answers have them. */
  sql(statement: string): Promise<Rows>;
  stop(): Promise<void>;
}

interface Answer {
  readonly rows?: Rows;
  readonly error?: string;
}

/** A session whose catalog `millrace` has the given properties; it is the one that names mean. */
export async function startSpark(
  folder: string,
  catalog: Readonly<Record<string, string>>,
): Promise<Spark> {
  const { python, javaHomeOfSpark, sparkRuntime } = lakeEnvironment();
  const settings = Object.entries({ ...SETTINGS, ...catalogSettings(catalog) });
  const engine = new EngineProcess(
    python,
    [PROGRAM, ...settings.map(([name, value]) => `${name}=${value}`)],
    {
      folder,
      env: {
        TZ: 'UTC',
        JAVA_HOME: javaHomeOfSpark,
        SPARK_LOCAL_IP: '127.0.0.1',
        PYSPARK_SUBMIT_ARGS: `--driver-memory ${MEMORY} --jars ${sparkRuntime} pyspark-shell`,
      },
    },
    'kept',
  );
  const { child } = engine;
  const answers = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const lines = answers[Symbol.asyncIterator]();
  const next = async (): Promise<Answer> => {
    const { value, done } = await lines.next();
    if (done) throw engine.ending();
    return JSON.parse(value) as Answer;
  };
  let last: Promise<unknown> = next();
  await last;
  const ask = async (statement: string): Promise<Rows> => {
    child.stdin?.write(`${JSON.stringify(statement)}\n`);
    const { rows, error } = await next();
    if (!rows) throw new Error(`Spark refused ${statement}: ${error}`);
    return rows;
  };
  return {
    // One statement after the other: answers come in the order of questions.
    sql: (statement) => {
      const asked = last.then(() => ask(statement));
      last = asked.catch(() => undefined);
      return asked;
    },
    stop: () => engine.stop(),
  };
}

const SETTINGS: Readonly<Record<string, string>> = {
  'spark.ui.enabled': 'false',
  'spark.driver.host': '127.0.0.1',
  'spark.driver.bindAddress': '127.0.0.1',
  'spark.sql.session.timeZone': 'UTC',
  'spark.sql.shuffle.partitions': '2',
  'spark.sql.defaultCatalog': CATALOG,
  'spark.sql.extensions': 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions',
};

function catalogSettings(properties: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = `spark.sql.catalog.${CATALOG}`;
  return Object.fromEntries([
    [prefix, 'org.apache.iceberg.spark.SparkCatalog'],
    ...Object.entries(properties).map(([name, value]) => [`${prefix}.${name}`, value]),
  ]) as Record<string, string>;
}
