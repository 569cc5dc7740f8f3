import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Row } from '../support/every-type.ts';
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
  /** An equality delete of the rows with the row's values in `columns`, in the row's partition. */
  deleteEqual(deletes: EqualityDelete): Promise<void>;
  stop(): Promise<void>;
}

export interface EqualityDelete {
  readonly table: string;
  readonly columns: readonly string[];
  readonly row: Row;
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
  const ask = async (question: string | EqualityDelete): Promise<Rows> => {
    const text = JSON.stringify(question);
    child.stdin?.write(`${text}\n`);
    const { rows, error } = await next();
    if (!rows) throw new Error(`Spark refused ${text}: ${error}`);
    return rows;
  };
  // One question after the other: answers come in their order.
  const inTurn = (question: string | EqualityDelete): Promise<Rows> => {
    const asked = last.then(() => ask(question));
    last = asked.catch(() => undefined);
    return asked;
  };
  return {
    sql: inTurn,
    deleteEqual: async (deletes) => void (await inTurn(deletes)),
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
