import {
  BIGINT,
  BLOB,
  type DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBScalarFunction,
  type DuckDBType,
  INTEGER,
  VARCHAR,
} from '@duckdb/node-api';
import { hashBytes, hashDecimal, hashLong } from '../lake/iceberg/bucket-hash.ts';
import { HASH_FUNCTIONS } from '../lake/iceberg/transform.ts';

/** DuckDB has no murmur3: partitions by bucket are computed by ours. Every connection of the database has them. */
export function registerHashFunctions(connection: DuckDBConnection): void {
  const { long, bytes, decimal } = HASH_FUNCTIONS;
  register<bigint>(connection, long, BIGINT, hashLong);
  register<DuckDBBlobValue>(connection, bytes, BLOB, (value) => hashBytes(value.bytes));
  register<string>(connection, decimal, VARCHAR, hashDecimal);
}

function register<V>(
  connection: DuckDBConnection,
  name: string,
  type: DuckDBType,
  hash: (value: V) => number,
): void {
  const scalar = DuckDBScalarFunction.create({
    name,
    parameterTypes: [type],
    returnType: INTEGER,
    mainFunction: (_info, input, output) => {
      const values = input.getColumnVector(0);
      for (let row = 0; row < input.rowCount; row++) {
        const value = values.getItem(row) as V | null;
        output.setItem(row, value === null ? null : hash(value));
      }
      output.flush();
    },
  });
  connection.registerScalarFunction(scalar);
}
