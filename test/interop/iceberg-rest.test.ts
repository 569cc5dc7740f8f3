import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, startPipeline } from '../support/pipeline.ts';
import { PythonSession } from '../support/python-session.ts';
import { removePatiently } from '../support/remove-patiently.ts';
import { type RunningPipeline, runPipeline } from '../support/running-pipeline.ts';

/** PyIceberg, through the REST catalog, on tables of its own and on the table of a stream. */

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const readings = stream('readings', {
  fields: {
    id: f.int(), at: f.timestamptz(), site: f.string().optional(),
    part: f.struct({ code: f.string().optional(), size: f.int().optional() }).optional(),
  },
  table: { every: '300ms' },
});
`;

const HEADER = `
import json
import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.expressions import *
from pyiceberg.schema import Schema
from pyiceberg.transforms import *
from pyiceberg.types import *
from pyiceberg.partitioning import PartitionSpec, PartitionField
from pyiceberg.table.sorting import SortOrder, SortField
import datetime
def rows(table, **scan):
    found = table.scan(**scan).to_arrow().to_pylist()
    return sorted(json.loads(json.dumps(found, default=str)), key=lambda row: json.dumps(row, default=str))
def refused(action):
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "done"
`;

const open = (url: string, more = '') => `
${HEADER}
catalog = load_catalog("m", **{"type": "rest", "uri": "${url}/iceberg"${more}})
`;

let server: RunningPipeline;
let session: PythonSession;
const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));

beforeAll(async () => {
  server = await runPipeline(folder, PIPELINE);
  session = new PythonSession();
  await session.run(open(server.url));
});

afterAll(async () => {
  await session?.end();
  await server?.kill();
  await removePatiently(folder);
});

const py = (code: string) => session.run(code);

describe('tables of PyIceberg', () => {
  test('are made, appended to, filtered, overwritten, upserted and deleted from; each state stays readable', async () => {
    await py(`
      catalog.create_namespace("shop", {"owner": "py"})
      schema = Schema(
          NestedField(1, "id", LongType(), required=True),
          NestedField(2, "site", StringType()),
          NestedField(3, "amount", DecimalType(10, 2)),
          NestedField(4, "at", TimestamptzType()),
          NestedField(5, "part", StructType(NestedField(6, "code", StringType()), NestedField(7, "size", IntegerType()))),
          NestedField(8, "tags", ListType(9, StringType(), element_required=False)),
          identifier_field_ids=[1],
      )
      t = catalog.create_table("shop.orders", schema, properties={"note": "x"})
      arrow = t.schema().as_arrow()
      def batch(*ids):
          return pa.Table.from_pylist([{"id": i, "site": "s%d" % (i % 2), "amount": None, "at": None,
              "part": {"code": "c%d" % i, "size": i}, "tags": ["a", str(i)]} for i in ids], schema=arrow)
      t.append(batch(1, 2, 3))
      first = t.current_snapshot().snapshot_id
      t.append(batch(4, 5, 6))
    `);
    expect(
      await py('result = [r["id"] for r in rows(t, row_filter="id > 2 and site = \'s1\'")]'),
    ).toEqual([3, 5]);
    expect(
      await py('result = rows(t, row_filter="id = 4", selected_fields=("id", "part"))'),
    ).toEqual([{ id: 4, part: { code: 'c4', size: 4 } }]);
    expect(await py('result = sorted(r["id"] for r in rows(t, snapshot_id=first))')).toEqual([
      1, 2, 3,
    ]);
    await py('t.overwrite(batch(10, 11), overwrite_filter="id < 3")');
    await py('t.delete("id = 5")');
    expect(await py('result = sorted(r["id"] for r in rows(t))')).toEqual([3, 4, 6, 10, 11]);
    const upserted = await py(`
      up = pa.Table.from_pylist([{"id": 3, "site": "new"}, {"id": 20, "site": "new"}], schema=arrow)
      done = t.upsert(up)
      result = [done.rows_updated, done.rows_inserted, sorted([r["id"], r["site"]] for r in rows(t))]
    `);
    expect(upserted).toEqual([
      1,
      1,
      [
        [3, 'new'],
        [4, 's0'],
        [6, 's0'],
        [10, 's0'],
        [11, 's1'],
        [20, 'new'],
      ],
    ]);
    expect(
      await py(
        'result = [len(catalog.load_table("shop.orders").snapshots()) >= 5, catalog.table_exists("shop.orders"), catalog.table_exists("shop.none")]',
      ),
    ).toEqual([true, true, false]);
  });

  test('get, rename, widen, move and drop columns, nested ones too, another partitioning and order; old files are read by ids', async () => {
    const found = await py(`
      t = catalog.create_table("shop.evolving", Schema(
          NestedField(1, "id", IntegerType()), NestedField(2, "a", StringType()),
          NestedField(3, "p", StructType(NestedField(4, "x", IntegerType()), NestedField(5, "y", StringType())))))
      t.append(pa.Table.from_pylist([{"id": 1, "a": "one", "p": {"x": 1, "y": "y1"}}], schema=t.schema().as_arrow()))
      with t.update_schema() as u:
          u.add_column("b", DoubleType())
          u.add_column(("p", "z"), StringType())
          u.rename_column("a", "renamed")
          u.rename_column("p.y", "why")
          u.update_column("id", LongType())
          u.update_column("p.x", LongType())
      with t.update_schema() as u:
          u.move_first("renamed")
          u.delete_column("b")
      with t.update_schema() as u:
          u.add_column("b", StringType())
      with t.update_spec() as u:
          u.add_field("renamed", IdentityTransform(), "by_name")
      with t.update_sort_order() as u:
          u.asc("id", IdentityTransform())
      t.append(pa.Table.from_pylist([{"renamed": "two", "id": 2**40, "p": {"x": 2**40, "why": "y2", "z": "z2"}, "b": "bee"}], schema=t.schema().as_arrow()))
      with t.update_spec() as u:
          u.remove_field("by_name")
      with t.transaction() as x:
          x.set_properties(**{"a": "1", "b": "2"})
          x.remove_properties("a")
      t = catalog.load_table("shop.evolving")
      result = {"rows": rows(t), "columns": [f.name for f in t.schema().fields], "specs": len(t.specs()), "sorted": len(t.sort_order().fields), "properties": t.properties.get("b")}
    `);
    expect(found).toEqual({
      rows: [
        { renamed: 'one', id: 1, p: { x: 1, why: 'y1', z: null }, b: null },
        { renamed: 'two', id: 2 ** 40, p: { x: 2 ** 40, why: 'y2', z: 'z2' }, b: 'bee' },
      ],
      columns: ['renamed', 'id', 'p', 'b'],
      specs: 2,
      sorted: 1,
      properties: '2',
    });
  });

  test('have tags and branches, and let go of snapshots', async () => {
    const found = await py(`
      t = catalog.create_table("shop.refs", Schema(NestedField(1, "id", LongType())))
      one = lambda i: pa.Table.from_pylist([{"id": i}], schema=t.schema().as_arrow())
      for i in range(4):
          t.append(one(i))
      ids = [s.snapshot_id for s in t.snapshots()]
      t.manage_snapshots().create_tag(ids[1], "v1").create_branch(ids[2], "dev").commit()
      t.append(one(9), branch="dev")
      tagged = sorted(r["id"] for r in t.scan().use_ref("v1").to_arrow().to_pylist())
      dev = sorted(r["id"] for r in t.scan().use_ref("dev").to_arrow().to_pylist())
      t.maintenance.expire_snapshots().by_id(ids[0]).commit()
      t = catalog.load_table("shop.refs")
      t.manage_snapshots().remove_tag("v1").remove_branch("dev").commit()
      t.manage_snapshots().rollback_to_snapshot(ids[2]).commit()
      result = {"tagged": tagged, "dev": dev, "main": sorted(r["id"] for r in rows(t)),
                "refs": sorted(catalog.load_table("shop.refs").refs()), "expired": t.snapshot_by_id(ids[0]) is None}
    `);
    expect(found).toEqual({
      tagged: [0, 1],
      dev: [0, 1, 2, 9],
      main: [0, 1, 2],
      refs: ['main'],
      expired: true,
    });
  });

  test('are partitioned, and only files that can match are planned', async () => {
    const found = await py(`
      t = catalog.create_table("shop.parts", Schema(NestedField(1, "id", LongType()), NestedField(2, "site", StringType()), NestedField(3, "at", TimestampType())),
          partition_spec=PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "site"), PartitionField(1, 1001, IdentityTransform(), "id")))
      odd = [None, "NULL", "", " ", "%", "a/b=c", "__HIVE_DEFAULT_PARTITION__", "\\u00e9\\U0001f600"]
      t.append(pa.Table.from_pylist([{"id": i, "site": s, "at": datetime.datetime(2026, 1, 1 + i)} for i, s in enumerate(odd)], schema=t.schema().as_arrow()))
      filters = [IsNull("site") if s is None else EqualTo("site", s) for s in odd]
      result = [[[r["id"] for r in rows(t, row_filter=f)], len(list(t.scan(row_filter=f).plan_files()))] for f in filters]
    `);
    expect(found).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((id) => [[id], 1]));
  });

  test('are renamed, dropped, registered again and purged; namespaces are looked after', async () => {
    const found = await py(`
      t = catalog.create_table("shop.moving", Schema(NestedField(1, "id", LongType())))
      t.append(pa.Table.from_pylist([{"id": 7}], schema=t.schema().as_arrow()))
      catalog.create_namespace("other")
      catalog.rename_table("shop.moving", "other.moved")
      moved = catalog.load_table("other.moved")
      moved.append(pa.Table.from_pylist([{"id": 8}], schema=t.schema().as_arrow()))
      moved = catalog.load_table("other.moved")
      where = moved.metadata_location
      catalog.drop_table("other.moved")
      back = catalog.register_table("other.back", where)
      back.append(pa.Table.from_pylist([{"id": 9}], schema=t.schema().as_arrow()))
      seen = sorted(r["id"] for r in rows(catalog.load_table("other.back")))
      catalog.update_namespace_properties("other", updates={"a": "1"})
      names = {"tables": [".".join(n) for n in catalog.list_tables("other")], "properties": catalog.load_namespace_properties("other"), "full": refused(lambda: catalog.drop_namespace("other"))}
      catalog.purge_table("other.back")
      catalog.drop_namespace("other")
      result = {"seen": seen, **names, "left": sorted(n[0] for n in catalog.list_namespaces()), "again": refused(lambda: catalog.create_namespace("shop")), "none": refused(lambda: catalog.load_table("shop.none")), "twice": refused(lambda: catalog.create_table("shop.orders", Schema(NestedField(1, "id", LongType()))))}
    `);
    expect(found).toEqual({
      seen: [7, 8, 9],
      tables: ['other.back'],
      properties: { a: '1', location: expect.stringMatching(/\/other$/) },
      full: expect.stringMatching(/^NamespaceNotEmptyError/),
      left: ['lake', 'shop', 'warehouse'],
      again: expect.stringMatching(/^NamespaceAlreadyExistsError/),
      none: expect.stringMatching(/^NoSuchTableError/),
      twice: expect.stringMatching(/^TableAlreadyExistsError/),
    });
  });

  test('are made in a transaction with their first rows, or not at all', async () => {
    const found = await py(`
      schema = Schema(NestedField(1, "id", LongType()))
      with catalog.create_table_transaction("shop.staged", schema) as x:
          x.append(pa.Table.from_pylist([{"id": 1}], schema=pa.schema([pa.field("id", pa.int64())])))
      def broken():
          with catalog.create_table_transaction("shop.never", schema):
              raise ValueError("changed my mind")
      result = [rows(catalog.load_table("shop.staged")), refused(broken), catalog.table_exists("shop.never")]
    `);
    expect(found).toEqual([[{ id: 1 }], 'ValueError: changed my mind', false]);
  });

  test('have views beside them', async () => {
    const found = await py(`
      from pyiceberg.view.metadata import ViewVersion, SQLViewRepresentation
      view = catalog.create_view("shop.seen", Schema(NestedField(1, "id", LongType())), ViewVersion(
          version_id=1, schema_id=0, timestamp_ms=1, summary={}, default_namespace=["shop"],
          representations=[SQLViewRepresentation(type="sql", sql="select id from orders", dialect="spark")]))
      listed = [".".join(n) for n in catalog.list_views("shop")]
      exists = catalog.view_exists("shop.seen")
      catalog.drop_view("shop.seen")
      result = [listed, exists, catalog.view_exists("shop.seen")]
    `);
    expect(found).toEqual([['shop.seen'], true, false]);
  });
});

describe('the table of a stream', () => {
  let sent = 0;

  async function send(count: number): Promise<number[]> {
    const ids = Array.from({ length: count }, (_, index) => sent + index + 1);
    sent += count;
    const answer = await server.post(
      '/v1/streams/readings/records',
      JSON.stringify(
        ids.map((id) => ({
          id,
          at: '2026-11-22T10:00:00Z',
          site: `s${id % 3}`,
          part: { code: `c${id}`, size: id },
        })),
      ),
    );
    expect(await answer.json()).toMatchObject({ accepted: count });
    return ids;
  }

  const inSql = async () =>
    (await server.sql('select id from lake.readings order by id')).map(([id]) => Number(id));
  const inLake = () =>
    py('result = sorted(r["id"] for r in rows(catalog.load_table("lake.readings")))');

  /** What is in SQL is in the table too, and nothing else, once it is delivered. */
  async function agree(expected: readonly number[]): Promise<void> {
    const wanted = [...expected].sort((a, b) => a - b);
    expect(await inSql()).toEqual(wanted);
    const text = JSON.stringify(wanted);
    await eventually(
      async () => (JSON.stringify(await inLake()) === text ? true : undefined),
      30_000,
    ).catch(async () => expect(await inLake()).toEqual(wanted));
    expect(await inSql(), 'delivered rows are there once').toEqual(wanted);
  }

  test('takes rows, changes and maintenance of PyIceberg, and is delivered to after each', async () => {
    let there = await send(20);
    await agree(there);

    const arrow = 't.schema().as_arrow()';
    await py(`
      t = catalog.load_table("lake.readings")
      at = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
      t.append(pa.Table.from_pylist([{"id": 1001, "at": at, "site": "py", "part": {"code": "p", "size": 1}}, {"id": 1002, "at": at}], schema=${arrow}))
    `);
    there = [...there, 1001, 1002];
    expect(
      await server.sql(
        'select site, part.code from lake.readings where id in (1001, 1002) order by id',
      ),
    ).toEqual([
      ['py', 'p'],
      [null, null],
    ]);
    there.push(...(await send(3)));
    await agree(there);

    await py('catalog.load_table("lake.readings").delete("id < 6")');
    there = there.filter((id) => id >= 6);
    there.push(...(await send(2)));
    await agree(there);

    await py(`
      t = catalog.load_table("lake.readings")
      t.overwrite(pa.Table.from_pylist([{"id": 2001, "at": at}], schema=${arrow}), overwrite_filter="id = 7 or id = 8")
    `);
    there = [...there.filter((id) => id !== 7 && id !== 8), 2001];
    there.push(...(await send(2)));
    await agree(there);

    await py(`
      t = catalog.load_table("lake.readings")
      with t.update_schema() as u:
          u.add_column("note", StringType())
          u.add_column(("part", "more"), StringType())
          u.rename_column("site", "place")
          u.rename_column("part.code", "kode")
          u.update_column("id", LongType())
      t.append(pa.Table.from_pylist([{"id": 3001, "at": at, "place": "here", "note": "n", "part": {"kode": "k", "more": "m", "size": 3}}], schema=catalog.load_table("lake.readings").schema().as_arrow()))
    `);
    there.push(3001, ...(await send(2)));
    await agree(there);
    expect(
      await server.sql(
        'select site, part.code from lake.readings where id in (9, 3001) order by id',
      ),
      'the definition goes on with its own names',
    ).toEqual([
      ['s0', 'c9'],
      ['here', 'k'],
    ]);

    await py(`
      t = catalog.load_table("lake.readings")
      with t.update_spec() as u:
          u.add_field("place", IdentityTransform(), "place")
      t.manage_snapshots().create_tag(t.current_snapshot().snapshot_id, "audit").commit()
    `);
    there.push(...(await send(4)));
    await agree(there);
  });

  test('is not dropped, renamed, moved, upgraded or robbed of columns', async () => {
    const refusals = await py(`
      t = catalog.load_table("lake.readings")
      def drop():
          with t.update_schema(allow_incompatible_changes=True) as u:
              u.delete_column("part")
      def mark():
          with t.transaction() as x:
              x.set_properties(**{"millrace.checkpoint": "0"})
      result = [refused(action) for action in [
          drop, mark,
          lambda: catalog.drop_table("lake.readings"),
          lambda: catalog.purge_table("lake.readings"),
          lambda: catalog.rename_table("lake.readings", "lake.other"),
          lambda: catalog.drop_namespace("lake"),
      ]]
    `);
    for (const refusal of refusals) expect(refusal).toMatch(/^ForbiddenError: .*MR_TABLE_DEFINED/s);
    expect(refusals[0]).toContain("column 'part' cannot be dropped here");
  });

  test('goes on without loss or doubling when PyIceberg expired the snapshots that deliveries made', async () => {
    const before = await inSql();
    const expired = await py(`
      t = catalog.load_table("lake.readings")
      t.maintenance.expire_snapshots().older_than(datetime.datetime.now() + datetime.timedelta(hours=1)).commit()
      result = len(catalog.load_table("lake.readings").snapshots())
    `);
    expect(expired, 'the newest and the tagged one').toBeLessThanOrEqual(2);
    const more = await send(5);
    await agree([...before, ...more]);
    await server.kill();
    server = await runPipeline(folder, undefined, { args: ['--port', new URL(server.url).port] });
    await session.run(open(server.url));
    const last = await send(5);
    await agree([...before, ...more, ...last]);
  });

  test('control: without the checkpoint in its properties all would be delivered again, and that is seen', async () => {
    const before = await inSql();
    await server.stop();
    const metadata = join(folder, '.millrace/lake/lake/readings/metadata');
    const version = readFileSync(join(metadata, 'version-hint.text'), 'utf8');
    const file = join(metadata, `v${version}.metadata.json`);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('"millrace.checkpoint":');
    writeFileSync(file, text.replaceAll('"millrace.checkpoint":', '"other":'));
    server = await runPipeline(folder, undefined, { args: ['--port', new URL(server.url).port] });
    const last = await send(1);
    await expect(agree([...before, ...last])).rejects.toThrow();
  });
});

describe('with keys', () => {
  test('a reader reads and may not write; bearer key and client credentials are the same; a wrong key is 401', async () => {
    const own = temporaryFolder();
    const started = await startPipeline(own, PIPELINE, { mode: 'start' });
    const { keys } = started.events[0] as unknown as { keys: { claim: string } };
    const claimed = await started.post('/v1/claim', JSON.stringify({ token: keys.claim }));
    const admin = (await claimed.json()) as { id: string; secret: string };
    const made = await started.post('/v1/keys', JSON.stringify({ roles: ['reader'], label: 'r' }), {
      authorization: `Bearer ${admin.secret}`,
    });
    const reader = (await made.json()) as { id: string; secret: string };
    const python = new PythonSession();
    onTestFinished(() => python.end());
    const found = await python.run(`
      ${HEADER.split('\n').join('\n      ')}
      def connect(**more):
          return load_catalog("m", **{"type": "rest", "uri": "${started.url}/iceberg", **more})
      oauth = "${started.url}/iceberg/v1/oauth/tokens"
      admin = connect(credential="${admin.id}:${admin.secret}", **{"oauth2-server-uri": oauth})
      admin.create_namespace("mine")
      schema = Schema(NestedField(1, "id", LongType()))
      t = admin.create_table("mine.t", schema)
      t.append(pa.Table.from_pylist([{"id": 1}], schema=t.schema().as_arrow()))
      seen = []
      for reader in [connect(token="${reader.secret}"), connect(credential="${reader.id}:${reader.secret}")]:
          r = reader.load_table("mine.t")
          seen.append([rows(r), refused(lambda: r.append(pa.Table.from_pylist([{"id": 2}], schema=t.schema().as_arrow()))).split(":")[0],
                       refused(lambda: reader.create_namespace("theirs")).split(":")[0], refused(lambda: reader.drop_table("mine.t")).split(":")[0]])
      result = {"seen": seen, "key": refused(lambda: connect(token="mr_000000000000_x").list_namespaces()).split(":")[0],
                "secret": refused(lambda: connect(credential="${reader.id}:wrong", **{"oauth2-server-uri": oauth})).split(":")[0],
                "id": refused(lambda: connect(credential="${admin.id}:${reader.secret}", **{"oauth2-server-uri": oauth})).split(":")[0],
                "rows": rows(admin.load_table("mine.t"))}
    `);
    const forbidden = [[{ id: 1 }], 'ForbiddenError', 'ForbiddenError', 'ForbiddenError'];
    expect(found).toEqual({
      seen: [forbidden, forbidden],
      key: 'UnauthorizedError',
      secret: 'OAuthError',
      id: 'OAuthError',
      rows: [{ id: 1 }],
    });
  });
});
