import type { CallContext } from '../children/rpc.ts';
import type { FileSystem } from '../core/file-system.ts';
import { LIMITS } from '../core/limits.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import { connect, openDatabase, queryError } from './database.ts';
import { HotRows } from './hot-rows.ts';
import type { LookupRowsRequest } from './protocol.ts';
import { streamRows } from './read-rows.ts';
import { createSchemas, hotTable, lookupQuery } from './relations.ts';
import { ScratchSpace } from './scratch-space.ts';
import { scanSql } from './table-scan.ts';

/**
 * The rows that a lookup has once it has every record below `until`, as NDJSON: by SQL, from table and log, as
 * `lookups.<name>` has them.
 */
export async function lookupRows(
  request: LookupRowsRequest,
  context: CallContext,
  { files, scratch }: { readonly files: FileSystem; readonly scratch: string },
): Promise<{ rows: number }> {
  const { stream, lookup, until } = request;
  const instance = await openDatabase({ memory: LIMITS.engineMemory, scratch });
  const connection = await connect(instance);
  try {
    await createSchemas(connection);
    const hot = new HotRows(stream, files, new ScratchSpace(scratch, scratch));
    await hot.create(connection);
    for (const slice of request.slices)
      await hot.apply(connection, {
        schema: 'lake',
        name: stream.name,
        filesVersion: 0,
        rowsVersion: 0,
        delivered: request.delivered,
        end: until,
        slices: [slice],
      });
    const columns = [...stream.fields.map(({ name }) => quoteIdentifier(name)), '_sequence_number'];
    const parts = [`SELECT ${columns.join(', ')} FROM ${hotTable(stream)}`];
    if (request.scan)
      parts.push(
        `SELECT ${columns.join(', ')} FROM (${await scanSql(connection, request.scan, stream.columns)}) WHERE _sequence_number < ${Math.min(request.delivered, until)}`,
      );
    const rows = `(${parts.join(' UNION ALL ')})`;
    return await streamRows(connection, lookupQuery(lookup, stream, { rows, columns }), context);
  } catch (error) {
    throw queryError(error);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
