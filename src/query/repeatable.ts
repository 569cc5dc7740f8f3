import type { StatementParts } from './statement-gate.ts';

/**
 * What gives another value each time, or as time goes by: all that the engine says this of (`duckdb_functions()`, column
 * `stability`), and those it does not say it of.
 */
const CHANGING: ReadonlySet<string> = new Set([
  ...['random', 'setseed', 'uuid', 'uuidv4', 'uuidv7', 'gen_random_uuid', 'nextval', 'currval'],
  ...['now', 'today', 'ago', 'age', 'get_current_time', 'get_current_timestamp'],
  ...['current_date', 'current_time', 'current_timestamp', 'localtime', 'localtimestamp'],
  ...['current_localtime', 'current_localtimestamp', 'transaction_timestamp', 'txid_current'],
  ...['current_transaction_id', 'current_connection_id', 'current_query_id', 'current_query'],
  ...['current_database', 'current_schema', 'current_schemas', 'in_search_path'],
  ...['pg_postmaster_start_time', 'pg_conf_load_time'],
  ...['error', 'sleep_ms', 'stats', 'write_log', 'sample'],
]);

/** Whether a statement has the same result as long as its tables have the same rows. */
export const isRepeatable = ({ uses }: Pick<StatementParts, 'uses'>): boolean =>
  ![...uses].some((name) => CHANGING.has(name));
