import { DuckDBInstance } from '@duckdb/node-api';

/** The anchor of `delivery`: the same DuckDB, the same records, one statement. Start-up does not count. */
const [source, target] = process.argv.slice(2);
const columns = {
  invoice_no: 'VARCHAR',
  stock_code: 'VARCHAR',
  description: 'VARCHAR',
  quantity: 'INTEGER',
  unit_price: 'DECIMAL(10,3)',
  invoice_date: 'TIMESTAMP',
  customer_id: 'VARCHAR',
  country: 'VARCHAR',
};
const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();
const types = Object.entries(columns).map(([name, type]) => `'${name}': '${type}'`);
const cpu = process.cpuUsage();
const start = performance.now();
await connection.run(
  `COPY (SELECT * FROM read_json('${source}', format = 'newline_delimited', columns = {${types.join(', ')}}))
   TO '${target}' (FORMAT parquet, COMPRESSION zstd)`,
);
const { user, system } = process.cpuUsage(cpu);
const wallMs = performance.now() - start;
process.stdout.write(JSON.stringify({ cpuUs: user + system, wallMs }));
