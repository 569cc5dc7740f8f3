import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Which DuckDB the children load, without loading it: the versions of its packages. */
export function engineVersion(): string {
  const { resolve } = createRequire(import.meta.url);
  const api = resolve('@duckdb/node-api/package.json');
  const bindings = createRequire(api).resolve('@duckdb/node-bindings/package.json');
  const versions = [api, bindings].map(
    (file) => (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version,
  );
  return `${versions.join(' ')} ${process.platform} ${process.arch}`;
}
