import type { DuckDBConnection } from '@duckdb/node-api';
import type { ScanFile, TableScan } from '../lake/iceberg/live-files.ts';
import { duckdbTypeOf } from '../lake/iceberg/schema.ts';
import { fileLocation } from '../lake/location.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { readReshaped } from './nested-columns.ts';
import type { StoredColumn } from './protocol.ts';

/**
 * The rows of an Iceberg table as SQL, where asked for with their places ("+file", "+row"): files are read by field id, so that columns added, renamed, widened or
 * reordered since are read right, and rows that were deleted by place or by value are left out
 * (Iceberg specification, "Row-level Deletes").
 */
export async function scanSql(
  connection: DuckDBConnection,
  scan: TableScan,
  columns: readonly StoredColumn[],
  { places = false }: { readonly places?: boolean } = {},
): Promise<string> {
  const parts: string[] = [];
  for (const group of groupsOf(scan)) {
    const rows = await readGroup(connection, group, scan, columns, places);
    parts.push(isWhole(group) ? rows : withoutDeleted(rows, group, scan, columns, places));
  }
  return parts.join(' UNION ALL ') || noRows(columns, places);
}

const noRows = (columns: readonly StoredColumn[], places: boolean): string =>
  `SELECT ${columns.map(({ name, type }) => `NULL::${duckdbTypeOf(type)} AS ${quoteIdentifier(name)}`).join(', ')}${places ? ', NULL::VARCHAR AS "+file", NULL::BIGINT AS "+row"' : ''} WHERE false`;

/** Files for which the same deletes count. */
interface Group {
  readonly files: ScanFile[];
  readonly hasPositionDeletes: boolean;
  readonly equalityDeletes: readonly number[];
}

const isWhole = ({ hasPositionDeletes, equalityDeletes }: Group): boolean =>
  !hasPositionDeletes && equalityDeletes.length === 0;

function groupsOf({ files }: TableScan): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const file of files) {
    const { equalityDeletes = [] } = file;
    const hasPositionDeletes = file.positionDeletes !== undefined;
    const key = `${hasPositionDeletes} ${equalityDeletes.join()}`;
    const group = groups.get(key);
    if (group) group.files.push(file);
    else groups.set(key, { files: [file], hasPositionDeletes, equalityDeletes });
  }
  return groups.values();
}

const list = (paths: readonly string[]): string => `[${paths.map(quoteText).join(', ')}]`;

const mapped = (id: number, name: string, type: string): string =>
  `${id}: {name: ${quoteText(name)}, type: ${quoteText(type)}, default_value: NULL}`;

/** What deletes by value compare: a column of today, or one that is read for them alone. */
function keyName(id: number, columns: readonly StoredColumn[]): string {
  return columns.find((column) => column.id === id)?.name ?? `+${id}`;
}

async function readGroup(
  connection: DuckDBConnection,
  group: Group,
  scan: TableScan,
  columns: readonly StoredColumn[],
  places: boolean,
): Promise<string> {
  const paths = group.files.map((file) => file.path);
  const keys = new Set(
    group.equalityDeletes.flatMap((index) => scan.equalityDeletes[index]?.fieldIds ?? []),
  );
  const hidden = scan.hidden.filter(
    ({ id }) => keys.has(id) && !columns.some((column) => column.id === id),
  );
  const place =
    isWhole(group) && !places ? [] : ['filename AS "+file"', 'file_row_number AS "+row"'];
  if (scan.reshaped.length > 0) return readReshaped(connection, paths, { columns, hidden, place });
  const named = columns.map(({ name }) => quoteIdentifier(name));
  const kept = hidden.map(({ id }) => quoteIdentifier(keyName(id, columns)));
  const schema = [
    ...columns.map(({ id, name, type }) => mapped(id, name, duckdbTypeOf(type))),
    ...hidden.map(({ id, type }) => mapped(id, keyName(id, columns), type)),
  ];
  return `SELECT ${[...named, ...kept, ...place].join(', ')} FROM read_parquet(${list(paths)}, schema = MAP {${schema.join(', ')}})`;
}

function withoutDeleted(
  rows: string,
  group: Group,
  scan: TableScan,
  columns: readonly StoredColumn[],
  places: boolean,
): string {
  let source = `(${rows}) AS r`;
  if (group.hasPositionDeletes)
    source += ` ANTI JOIN (SELECT ${readPath(scan)} AS f, pos AS n FROM read_parquet(${list(scan.positionDeletes)})) AS p ON r."+file" = p.f AND r."+row" = p.n`;
  for (const [index, one] of byKeys(group, scan).entries()) {
    const read = one.fieldIds.map((id) => mapped(id, `k${id}`, typeOf(id, scan)));
    const same = one.fieldIds.map(
      (id) => `r.${quoteIdentifier(keyName(id, columns))} IS NOT DISTINCT FROM e${index}.k${id}`,
    );
    source += ` ANTI JOIN (SELECT * FROM read_parquet(${list(one.paths)}, schema = MAP {${read.join(', ')}})) AS e${index} ON ${same.join(' AND ')}`;
  }
  const named = columns.map(({ name }) => `r.${quoteIdentifier(name)}`);
  const place = places ? ['r."+file"', 'r."+row"'] : [];
  return `SELECT ${[...named, ...place].join(', ')} FROM ${source}`;
}

const PLAIN_PATH =
  "CASE WHEN starts_with(file_path, 'file://') THEN substr(file_path, 8) WHEN starts_with(file_path, 'file:') THEN substr(file_path, 6) ELSE file_path END";

/**
 * Delete files name data files as Iceberg does; the engine names them by their paths. After a move of the lake those
 * files name the old paths still.
 */
function readPath({ moved = [], placed }: TableScan): string {
  const now = beginningWith(
    PLAIN_PATH,
    moved.map(([from, to]) => [`${from}/`, `${to}/`]),
  );
  return beginningWith(now, placed ? [[placed.from, placed.to]] : []);
}

/** A path as SQL, with another beginning where it has one of these. */
function beginningWith(path: string, beginnings: readonly (readonly [string, string])[]): string {
  if (beginnings.length === 0) return path;
  const cases = beginnings.map(
    ([from, to]) =>
      `WHEN starts_with(path, ${quoteText(from)}) THEN ${quoteText(to)} || substr(path, ${[...from].length + 1})`,
  );
  return `list_transform([${path}], lambda path: CASE ${cases.join(' ')} ELSE path END)[1]`;
}

/** How delete files name a data file. */
export const locationOf = ({ placed }: TableScan, path: string): string =>
  placed ? `${placed.from}${path.slice(placed.to.length)}` : fileLocation(path);

function typeOf(id: number, { hidden }: TableScan): string {
  return hidden.find((column) => column.id === id)?.type ?? 'VARCHAR';
}

/** Delete files with the same key are one to the engine. */
function byKeys({ equalityDeletes }: Group, scan: TableScan) {
  const groups = new Map<string, { fieldIds: readonly number[]; paths: string[] }>();
  for (const index of equalityDeletes) {
    const one = scan.equalityDeletes[index];
    if (!one) continue;
    const key = one.fieldIds.join();
    const group = groups.get(key);
    if (group) group.paths.push(one.path);
    else groups.set(key, { fieldIds: one.fieldIds, paths: [one.path] });
  }
  return [...groups.values()];
}
