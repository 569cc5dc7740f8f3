import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '@duckdb/node-api';
import { expect, describe as suite, test } from 'vitest';
import { Descriptions } from '../../src/app/descriptions.ts';
import { prepare } from '../../src/app/prepare.ts';
import type { Logger } from '../../src/core/logger.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { describe } from '../../src/engine/describe.ts';
import { engineVersion } from '../../src/engine/engine-version.ts';
import type { Described, DescribeRequest } from '../../src/engine/protocol.ts';
import { check, field as f, model, sql, stream } from '../../src/index.ts';
import { compile } from '../../src/plan/compile.ts';
import { askSql, sendTo, startApp } from '../support/app.ts';
import { FaultFileSystem } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';

const orders = stream('orders', { fields: { customer: f.string(), price: f.double() } });
const dearest = (query = sql`select customer, max(price) as price from ${orders} group by all`) =>
  model('dearest', { sql: query, checks: [check.between('price', 0, 1e6, { name: 'sane' })] });
const PIPELINE = [orders, dearest()];

async function requestOf(definitions: readonly object[]): Promise<DescribeRequest> {
  let asked: DescribeRequest | undefined;
  await prepare({ ...compile(definitions), file: 'pipeline.ts' }, (request) => {
    asked = request;
    return describe(request, temporaryFolder());
  });
  return asked as DescribeRequest;
}

interface Kept {
  key: string;
  sum: string;
  answer: { columns: { type: { kind: string } }[] }[];
}

/** Starts of one data folder, each with an engine that counts how often it is asked. */
function folderOf(options: { files?: FaultFileSystem } = {}) {
  const folder = temporaryFolder();
  const path = join(folder, 'system', 'descriptions.json');
  const files = options.files ?? nodeFileSystem();
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (_fields, message) => warnings.push(message) };
  return {
    path,
    files,
    warnings,
    read: (): Kept => JSON.parse(readFileSync(path, 'utf8')),
    start: async (versions = ['1.0.0', 'DuckDB 1']) => {
      await files.makeFolder(join(folder, 'system'));
      let asked = 0;
      const ask = (request: DescribeRequest): Promise<readonly Described[]> => {
        asked += 1;
        return describe(request, temporaryFolder());
      };
      const descriptions = new Descriptions({ folder, files, versions, ask, logger });
      return { descriptions, asked: () => asked };
    },
  };
}

/** Whether a start with this request asks the engine. */
async function asks(
  folder: ReturnType<typeof folderOf>,
  request: DescribeRequest,
  versions?: string[],
): Promise<boolean> {
  const { descriptions, asked } = await folder.start(versions);
  const answer = await descriptions.recall(request);
  expect(answer).toEqual(await describe(request, temporaryFolder()));
  return asked() > 0;
}

test('the engine is asked about a pipeline once, and not again at the next start', async () => {
  const folder = folderOf();
  expect(await asks(folder, await requestOf(PIPELINE))).toBe(true);
  expect(await asks(folder, await requestOf(PIPELINE))).toBe(false);
  const { descriptions } = await folder.start();
  await descriptions.recall(await requestOf(PIPELINE));
  expect(await descriptions.differing()).toBeUndefined();
});

suite('the engine is asked again', () => {
  test.each<[string, readonly object[]]>([
    [
      'where the SQL of a model is another',
      [orders, dearest(sql`select customer, min(price) as price from ${orders} group by all`)],
    ],
    [
      'where a field has another type',
      [stream('orders', { fields: { customer: f.string(), price: f.long() } }), dearest()],
    ],
    [
      'where a check has another bound',
      [
        orders,
        model('dearest', {
          sql: sql`select customer, max(price) as price from ${orders} group by all`,
          checks: [check.between('price', 0, 1e7, { name: 'sane' })],
        }),
      ],
    ],
    ['where a stream came in', [...PIPELINE, stream('more', { fields: { id: f.string() } })]],
  ])('%s', async (_what, changed) => {
    const folder = folderOf();
    await asks(folder, await requestOf(PIPELINE));
    expect(await asks(folder, await requestOf(changed))).toBe(true);
    expect(await asks(folder, await requestOf(changed))).toBe(false);
  });

  test.each([
    ['millrace', ['1.0.1', 'DuckDB 1']],
    ['DuckDB', ['1.0.0', 'DuckDB 2']],
  ])('where %s has another version', async (_what, versions) => {
    const folder = folderOf();
    const request = await requestOf(PIPELINE);
    await asks(folder, request);
    expect(await asks(folder, request, versions)).toBe(true);
    expect(await asks(folder, request, versions)).toBe(false);
  });

  test('where what was kept was changed, cut or replaced', async () => {
    const folder = folderOf();
    const request = await requestOf(PIPELINE);
    await asks(folder, request);
    const whole = readFileSync(folder.path, 'utf8');
    const other = folder.read();
    (other.answer[0] as Kept['answer'][0]).columns[1] = { type: { kind: 'string' } };
    const wrong = [
      whole.replace('"kind":"double"', '"kind":"string"'),
      JSON.stringify(other),
      whole.slice(0, whole.length / 2),
      `${whole}}`,
      '',
      'null',
      '[]',
      '{}',
      JSON.stringify({ ...folder.read(), answer: undefined }),
      JSON.stringify({ ...folder.read(), key: 'a'.repeat(64) }),
    ];
    for (const text of wrong) {
      writeFileSync(folder.path, text);
      expect(await asks(folder, request), text).toBe(true);
      expect(readFileSync(folder.path, 'utf8')).toBe(whole);
    }
    expect(folder.warnings).toContain('damaged; the engine is asked instead');
    expect(folder.warnings).toContain('unreadable; the engine is asked instead');
  });

  test('where its answer was an error', async () => {
    const folder = folderOf();
    const request = await requestOf(PIPELINE);
    await asks(folder, request);
    const [query] = request.catalog.models;
    const wrong: DescribeRequest = {
      ...request,
      catalog: { ...request.catalog, models: [{ ...query, sql: 'select nothing' } as never] },
    };
    expect(await asks(folder, wrong)).toBe(true);
    expect(await asks(folder, wrong)).toBe(true);
  });
});

test('a disk that keeps nothing costs time and nothing else', async () => {
  const files = new FaultFileSystem(1);
  const folder = folderOf({ files });
  const request = await requestOf(PIPELINE);
  const { descriptions } = await folder.start();
  files.plan({ call: 1, kind: 'full' });
  expect(await descriptions.ask(request)).toHaveLength(2);
  expect(folder.warnings).toEqual(['descriptions of queries were not kept']);
  files.plan(undefined);
  expect(await asks(folder, request)).toBe(true);
});

test('the version told without loading DuckDB is that of the one that is loaded', () => {
  expect(version()).toMatch(/^v\d+\.\d+\.\d+$/);
  expect(engineVersion()).toContain(` ${version().slice(1)}-`);
});

const SOURCE = `
import { field as f, model, sql, stream } from 'millrace';
export const orders = stream('orders', { fields: { customer: f.string(), price: f.double() } });
export const dearest = model('dearest', {
  sql: sql\`select customer, max(price) as price from \${orders} group by all\`,
  schedule: 'manual',
});`;

const typeOfPrice = `select data_type from sys.columns where table_name = 'dearest' and column_name = 'price'`;

test('an unchanged pipeline is ready before its children are, and they come up by themselves', async () => {
  const folder = temporaryFolder();
  const first = await startApp(folder, SOURCE);
  expect(first.children.find(({ name }) => name === 'engine')?.pid).toBeTypeOf('number');
  await first.stop({ deliver: false });
  const second = await startApp(folder, SOURCE);
  expect(second.children.map(({ pid }) => pid)).toEqual([null, null, null]);
  await sendTo(second, 'orders', [{ customer: 'a', price: 1.5 }]);
  expect(await askSql(second, 'select * from orders')).toEqual([['a', 1.5]]);
  await eventually(() => second.children.every(({ pid }) => pid !== null) || undefined);
});

test('a forged description is held against the engine and replaced by what it says', async () => {
  const folder = temporaryFolder();
  const path = join(folder, '.millrace', 'system', 'descriptions.json');
  await (await startApp(folder, SOURCE)).stop({ deliver: false });
  const told = readFileSync(path, 'utf8');
  const { key, answer } = JSON.parse(told.replace('"kind":"double"', '"kind":"date"')) as Kept;
  const sum = createHash('sha256').update(key).update(JSON.stringify(answer)).digest('hex');
  writeFileSync(path, JSON.stringify({ key, sum, answer }));

  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (_fields, message) => errors.push(message) };
  const app = await startApp(folder, SOURCE, { logger });
  expect(app.current?.pipeline.columns.get('dearest')?.[1]?.type.kind).toBe('date');
  // A reload comes after it.
  await app.reload();
  expect(app.planVersion).toBe(3);
  expect(errors).toEqual([expect.stringContaining('otherwise than was kept')]);
  expect(await askSql(app, typeOfPrice)).toEqual([['DOUBLE']]);
  expect(readFileSync(path, 'utf8')).toBe(told);
});
