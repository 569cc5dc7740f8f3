import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { generatedQuestion } from '../support/generated-sql.ts';
import { type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const SEED = Number(process.env['QUERY_SEED'] ?? Math.floor(Math.random() * 1e9));
const QUESTIONS = Number(process.env['QUERY_COUNT'] ?? 500);
/** Questions between two deaths of a child. */
const BETWEEN_DEATHS = 60;

const FIELDS = `{
  id: f.long(), country: f.string().optional(), product: f.string(), quantity: f.int().optional(),
  amount: f.decimal(12, 2), score: f.double().optional(), flag: f.boolean(), day: f.date(), sold_at: f.timestamp(),
}`;
const PIPELINE = `
import { field as f, model, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: ${FIELDS}, key: 'product', shards: 3, table: { every: '700ms' } });
export const customers = stream('customers', {
  fields: { id: f.long(), country: f.string().optional(), region: f.string(), weight: f.int() }, table: { every: '1h' },
});
export const large = model('large', {
  sql: sql\`select *, max(id) over () as upto from \${sales} where amount > 50\`, schedule: 'manual',
});
export const loud = model('loud', {
  materialize: 'view',
  sql: sql\`select id, country, upper(product) as loud, amount * 2 as twice, day from \${sales} where quantity is not null\`,
});
`;

const COUNTRIES = ['France', "Côte d'Ivoire", 'Germany', '', null];
const sale = (id: number, random: () => number) => ({
  id,
  country: COUNTRIES[Math.floor(random() * 5)],
  product: `thing ${Math.floor(random() ** 2 * 30)}${random() < 0.1 ? ' a' : ''}`,
  quantity: random() < 0.2 ? null : Math.floor(random() * 200) - 50,
  amount: (random() * 200 - 20).toFixed(2),
  score: random() < 0.2 ? null : random() * 1000 - 500,
  flag: random() < 0.5,
  day: `2026-0${1 + Math.floor(random() * 3)}-1${Math.floor(random() * 5)}`,
  sold_at: `2026-0${1 + Math.floor(random() * 9)}-01T0${Math.floor(random() * 9)}:30:00`,
});
const customer = (id: number, random: () => number) => ({
  id,
  country: COUNTRIES[Math.floor(random() * 5)],
  region: `region ${id % 4}`,
  weight: Math.floor(random() * 100),
});

interface Asked {
  readonly question: string;
  /** Rows of higher ids are left out. */
  readonly below: { readonly sales: number; readonly customers: number };
  readonly answer: readonly (readonly unknown[])[];
}

/** The relations that a question names, of records up to a bound; each row has how far the model has read. */
const around = (
  question: string,
  below: Asked['below'],
  names: { sales: string; customers: string; large: string; loud: string; upto: string },
) => `with s as (select * from ${names.sales} where id < ${below.sales}),
  c as (select * from ${names.customers} where id < ${below.customers}),
  m as (select * exclude (upto) from ${names.large}), u as (${names.upto}),
  v as (select * from ${names.loud} where id < ${below.sales}),
  answer as (${question})
  select u.upto, * from u left join (select true as there, * from answer) on true order by all`;

const ours = (question: string, below: Asked['below']): string =>
  around(question, below, {
    sales: 'lake.sales',
    customers: 'lake.customers',
    large: 'warehouse.large',
    loud: 'warehouse.loud',
    upto: 'select max(upto) as upto from warehouse.large',
  });

async function ask(pipeline: RunningPipeline, sql: string): Promise<unknown[][]> {
  const response = await pipeline.post('/v1/sql', JSON.stringify({ sql }));
  const answer = (await response.json()) as { rows: unknown[][] };
  expect(response.status, `${JSON.stringify(answer)}\n${sql}`).toBe(200);
  return answer.rows;
}

/** Sends, delivers, puts files together, runs the model and kills children, while `until` runs. */
async function withChanges(
  pipeline: RunningPipeline,
  random: () => number,
  until: (sent: Sent) => Promise<void>,
) {
  const sent = new Sent(pipeline, random);
  await sent.some(200);
  await post(pipeline, '/v1/models/large/runs', {});
  let isOver = false;
  const again = async (action: () => Promise<unknown>, pauseMs: number) => {
    while (!isOver) {
      await action();
      await new Promise((resolve) => setTimeout(resolve, random() * pauseMs));
    }
  };
  const all = [
    again(() => sent.some(40), 30),
    again(() => post(pipeline, '/v1/tables/lake/sales/compact', { jobs: 1 }), 1000),
    again(() => post(pipeline, '/v1/models/large/runs', {}), 2500),
  ];
  try {
    await until(sent);
  } finally {
    isOver = true;
    await Promise.all(all);
  }
}

async function post(pipeline: RunningPipeline, path: string, body: object): Promise<void> {
  const response = await pipeline.post(path, JSON.stringify(body));
  const text = await response.text();
  // A run or compaction whose engine was killed says so; the next one goes on.
  if (!response.ok && !text.includes('MR_CHILD_FAILED')) throw new Error(`${path}: ${text}`);
}

/** Ids without gaps, one request after the other. */
class Sent {
  sales = 0;
  customers = 0;
  readonly #pipeline: RunningPipeline;
  readonly #random: () => number;

  constructor(pipeline: RunningPipeline, random: () => number) {
    this.#pipeline = pipeline;
    this.#random = random;
  }

  async some(most: number): Promise<void> {
    const [sales, customers] = [1 + Math.floor(this.#random() * most), 2];
    await this.#send(
      'sales',
      Array.from({ length: sales }, (_, index) => sale(this.sales + index, this.#random)),
    );
    this.sales += sales;
    if (this.customers > 60) return;
    await this.#send(
      'customers',
      Array.from({ length: customers }, (_, index) =>
        customer(this.customers + index, this.#random),
      ),
    );
    this.customers += customers;
  }

  async #send(stream: string, rows: object[]): Promise<void> {
    const response = await this.#pipeline.post(
      `/v1/streams/${stream}/records`,
      JSON.stringify(rows),
    );
    expect(await response.json()).toMatchObject({ accepted: rows.length });
  }
}

async function killed(pipeline: RunningPipeline, name: string): Promise<void> {
  const { processes } = (await (await fetch(`${pipeline.url}/v1/status`)).json()) as {
    processes: { name: string; pid: number | null }[];
  };
  const pid = processes.find((one) => one.name === name)?.pid;
  if (pid) process.kill(pid, 'SIGKILL');
}

/** The whole log of a stream, as its files have it, in a DuckDB of this process. */
async function loadLog(
  connection: DuckDBConnection,
  folder: string,
  stream: string,
  columns: string,
) {
  const log = join(folder, '.millrace/streams', stream);
  const lines = readdirSync(log)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .flatMap((name) => readFileSync(join(log, name), 'utf8').split('\n'))
    .filter((line) => line.startsWith('{'));
  const path = join(folder, `${stream}.ndjson`);
  writeFileSync(path, lines.join('\n'));
  await connection.run(
    `CREATE TABLE log_${stream} AS SELECT * FROM read_json('${path}', format = 'newline_delimited', columns = ${columns})`,
  );
  return lines.length;
}

const SALES = `{id: 'BIGINT', country: 'VARCHAR', product: 'VARCHAR', quantity: 'INTEGER', amount: 'DECIMAL(12,2)', score: 'DOUBLE', flag: 'BOOLEAN', day: 'DATE', sold_at: 'TIMESTAMP'}`;
const CUSTOMERS = "{id: 'BIGINT', country: 'VARCHAR', region: 'VARCHAR', weight: 'INTEGER'}";

const theirs = ({ question, below }: Asked, upto: string): string =>
  around(question, below, {
    sales: 'log_sales',
    customers: 'log_customers',
    large: `(select *, 0 as upto from log_sales where amount > 50 and id <= ${upto})`,
    loud: '(select id, country, upper(product) as loud, amount * 2 as twice, day from log_sales where quantity is not null)',
    upto: `select ${upto}::BIGINT as upto`,
  });

test(`generated questions have the answers of a DuckDB over the whole log, while records, deliveries, compactions, runs and deaths of children come (seed ${SEED})`, async () => {
  const folder = temporaryFolder();
  const random = seededRandom(SEED);
  const pipeline = await startPipeline(folder, PIPELINE);
  const asked: Asked[] = [];
  await withChanges(pipeline, seededRandom(SEED + 1), async (sent) => {
    while (asked.length < QUESTIONS) {
      const question = generatedQuestion(random);
      const below = { sales: sent.sales, customers: sent.customers };
      asked.push({ question, below, answer: await ask(pipeline, ours(question, below)) });
      // Asked again and again, this is mostly there already; it must have what came since all the same.
      const acknowledged = sent.sales;
      const [[count, last] = []] = await ask(pipeline, 'select count(*), max(id) from lake.sales');
      expect(Number(count)).toBeGreaterThanOrEqual(acknowledged);
      expect(Number(last)).toBe(Number(count) - 1);
      if (asked.length % BETWEEN_DEATHS === 0)
        await killed(pipeline, (asked.length / BETWEEN_DEATHS) % 2 === 0 ? 'engine' : 'sql');
    }
  });
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  expect(await loadLog(connection, folder, 'sales', SALES)).toBeGreaterThan(1000);
  await loadLog(connection, folder, 'customers', CUSTOMERS);
  const expected = await Promise.all(asked.map((one) => answerOf(connection, one)));
  for (const [index, { question, answer }] of asked.entries())
    expect(answer.map(plain), `seed ${SEED}\n${question}`).toEqual(expected[index]);
  const rows = expected.reduce((sum, one) => sum + one.length, 0);
  expect(rows, 'questions have answers').toBeGreaterThan(QUESTIONS * 4);
  // Control: were one record missing, it would be noticed.
  await connection.run('DELETE FROM log_sales WHERE id = 100');
  const without = await Promise.all(asked.map((one) => answerOf(connection, one)));
  const differing = without.filter(
    (one, index) => JSON.stringify(one) !== JSON.stringify(expected[index]),
  );
  // Of records with few values, or a common one, few questions depend.
  expect(differing.length).toBeGreaterThan(QUESTIONS / 100);
});

async function answerOf(connection: DuckDBConnection, one: Asked): Promise<unknown[][]> {
  const upto = one.answer[0]?.[0] ?? -1;
  const reader = await connection.runAndReadAll(theirs(one, String(upto)));
  return reader.getRowsJson().map(plain);
}

/** Both write the same values; they differ in how a time is written, and whether long numbers are texts. */
const plain = (row: readonly unknown[]): unknown[] =>
  row.map((value) =>
    typeof value === 'number'
      ? String(value)
      : typeof value === 'string'
        ? value.replace(/^(\d{4}-\d\d-\d\d)T/, '$1 ')
        : value,
  );
