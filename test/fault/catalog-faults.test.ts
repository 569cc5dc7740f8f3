import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import type { TableName } from '../../src/lake/catalog.ts';
import { FileCatalog } from '../../src/lake/embedded/file-catalog.ts';
import { TableRegistry } from '../../src/lake/embedded/table-registry.ts';
import type { IcebergSchema } from '../../src/lake/iceberg/metadata.ts';
import { type Fault, FaultFileSystem } from '../support/fault-file-system.ts';

/** What other programs do to the catalog, on a disk that fails at each call in turn. */

const SEED = Number(process.env['FAULT_SEED'] ?? 20261122);
const EVERY = Number(process.env['FAULT_EVERY'] ?? 3);

const SCHEMA: IcebergSchema = {
  type: 'struct',
  'schema-id': 0,
  fields: [{ id: 1, name: 'id', required: false, type: 'long' }],
};

let now = 1_000_000;
const clock = { now: () => ++now, after: () => () => {} };
const openCatalog = (files: FaultFileSystem): FileCatalog =>
  new FileCatalog(new TableRegistry('/lake', { files, clock, logger: silentLogger }));

const at = (name: string): TableName => ({ namespace: 'shop', name });
const set = (value: string) => ({ action: 'set-properties' as const, updates: { value } });
const version = (sql: string) => ({
  'version-id': 1,
  'schema-id': 0,
  'timestamp-ms': 1,
  summary: {},
  representations: [{ type: 'sql', sql, dialect: 'test' }],
  'default-namespace': ['shop'],
});
/** The first commit of a table that was staged. */
const created = (name: string, value: string) => ({
  name: at(name),
  requirements: [{ type: 'assert-create' as const }],
  updates: [
    { action: 'add-schema' as const, schema: SCHEMA },
    { action: 'set-current-schema' as const, 'schema-id': -1 },
    { action: 'add-spec' as const, spec: { 'spec-id': 0, fields: [] } },
    { action: 'set-default-spec' as const, 'spec-id': -1 },
    { action: 'add-sort-order' as const, 'sort-order': { 'order-id': 0, fields: [] } },
    { action: 'set-default-sort-order' as const, 'sort-order-id': -1 },
    set(value),
  ],
});

/** What there is, in words; undefined for what is not. */
interface Shop {
  readonly [name: string]: string | undefined;
}

/** One after the other; each says what the shop is once it was acknowledged. */
const STEPS: readonly {
  readonly name: string;
  readonly play: (catalog: FileCatalog) => Promise<unknown>;
  readonly after: Shop;
}[] = [
  {
    name: 'a namespace is made',
    play: (catalog) => catalog.createNamespace('shop', { owner: 'me' }),
    after: {},
  },
  {
    name: 'a table is made',
    play: (catalog) => catalog.createTable(at('a'), { schema: SCHEMA, properties: { value: '1' } }),
    after: { a: '1' },
  },
  {
    name: 'another one is made by its first commit',
    play: (catalog) => catalog.commit(at('b'), created('b', '1')),
    after: { b: '1' },
  },
  {
    name: 'a commit',
    play: (catalog) => catalog.commit(at('a'), { requirements: [], updates: [set('2')] }),
    after: { a: '2' },
  },
  {
    name: 'a transaction over both, and a new one',
    play: (catalog) =>
      catalog.commitAll([
        { name: at('a'), requirements: [], updates: [set('3')] },
        created('c', '3'),
        { name: at('b'), requirements: [], updates: [set('3')] },
      ]),
    after: { a: '3', b: '3', c: '3' },
  },
  {
    name: 'a commit after it',
    play: (catalog) => catalog.commit(at('b'), { requirements: [], updates: [set('4')] }),
    after: { b: '4' },
  },
  {
    name: 'another name',
    play: (catalog) => catalog.renameTable(at('c'), at('d')),
    after: { c: undefined, d: '3' },
  },
  {
    name: 'a view',
    play: (catalog) =>
      catalog.createView(at('v'), {
        schema: SCHEMA,
        version: version('select 1'),
        properties: { value: '1' },
      }),
    after: { v: '1' },
  },
  {
    name: 'a change of it',
    play: (catalog) => catalog.commitView(at('v'), { requirements: [], updates: [set('2')] }),
    after: { v: '2' },
  },
  {
    name: 'a drop',
    play: (catalog) => catalog.dropTable(at('d'), true),
    after: { d: undefined },
  },
  {
    name: 'a drop of the view',
    play: (catalog) => catalog.dropView(at('v')),
    after: { v: undefined },
  },
];

async function shopOf(catalog: FileCatalog): Promise<Shop | undefined> {
  if (!(await catalog.namespaces()).includes('shop')) return undefined;
  const found: { [name: string]: string | undefined } = {};
  for (const name of await catalog.tables('shop'))
    found[name] = (await catalog.table(at(name))).metadata.properties['value'];
  for (const name of await catalog.views('shop'))
    found[name] = (await catalog.view(at(name))).metadata.properties['value'];
  return found;
}

/** The shop after so many steps. */
function shopAfter(steps: number): Shop | undefined {
  if (steps === 0) return undefined;
  const shop = Object.assign({}, ...STEPS.slice(0, steps).map(({ after }) => after)) as Shop;
  return Object.fromEntries(Object.entries(shop).filter(([, value]) => value !== undefined));
}

/** Plays the steps until one fails; says how many were acknowledged. */
async function play(files: FaultFileSystem): Promise<number> {
  const catalog = openCatalog(files);
  let done = 0;
  for (const step of STEPS) {
    try {
      await step.play(catalog);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return done;
    }
    done += 1;
  }
  return done;
}

describe('the catalog with a disk that fails', () => {
  for (const kind of ['error', 'cut', 'full'] as const) {
    test(`C3, L3, L6: after '${kind}' at call n each acknowledged step is there and none is half made, for every ${EVERY}th n (seed ${SEED})`, async () => {
      const whole = new FaultFileSystem(SEED);
      expect(await play(whole)).toBe(STEPS.length);
      for (let call = 1; call <= whole.calls; call += EVERY) {
        const files = new FaultFileSystem(SEED + call);
        files.plan({ call, kind } satisfies Fault);
        const done = await play(files);
        files.restart();
        const catalog = openCatalog(files);
        const shop = await shopOf(catalog);
        const told = `call ${call}, in step '${STEPS[done]?.name ?? 'none'}'`;
        expect([shopAfter(done), shopAfter(done + 1)], told).toContainEqual(shop);
        await goOn(catalog, told);
      }
    });
  }

  for (const kind of ['error', 'full'] as const) {
    test(`after '${kind}' at call n a running server goes on, and a restart changes nothing, for every ${EVERY}th n`, async () => {
      const whole = new FaultFileSystem(SEED);
      await play(whole);
      for (let call = 1; call <= whole.calls; call += EVERY) {
        const files = new FaultFileSystem(SEED + call);
        files.plan({ call, kind });
        const catalog = openCatalog(files);
        const told = `call ${call}`;
        for (const { play: step } of STEPS) await step(catalog).catch(() => undefined);
        await goOn(catalog, told);
        const now = await shopOf(catalog);
        files.restart();
        expect(await shopOf(openCatalog(files)), told).toEqual(now);
      }
    });
  }

  async function goOn(catalog: FileCatalog, told: string): Promise<void> {
    if (!(await catalog.namespaces()).includes('shop')) await catalog.createNamespace('shop', {});
    for (const name of await catalog.tables('shop')) {
      await catalog.commit(at(name), { requirements: [], updates: [set('later')] });
      expect((await catalog.table(at(name))).metadata.properties['value'], told).toBe('later');
    }
    await catalog.createTable(at('new'), { schema: SCHEMA, properties: {} });
  }

  test('control: a disk that forgets the catalog file is noticed', async () => {
    const files = new FaultFileSystem(SEED);
    await play(files);
    await files.remove('/lake/catalog.json');
    await files.remove('/lake/catalog.copy.json');
    expect(await shopOf(openCatalog(files))).not.toEqual(shopAfter(STEPS.length));
  });
});

describe('a damaged catalog file', () => {
  async function stored(): Promise<FaultFileSystem> {
    const files = new FaultFileSystem(SEED);
    expect(await play(files)).toBe(STEPS.length);
    return files;
  }

  test('R6: one wrong bit anywhere in it, or in its copy, changes nothing and is mended', async () => {
    const whole = await stored();
    for (const path of ['/lake/catalog.json', '/lake/catalog.copy.json'])
      for (let byte = 0; byte < whole.sizeOf(path); byte += 5) {
        const files = whole.copy(SEED + byte);
        files.flipBit(path, byte);
        expect(await shopOf(openCatalog(files)), `${path} byte ${byte}`).toEqual(
          shopAfter(STEPS.length),
        );
        expect(await files.readFile('/lake/catalog.json')).toEqual(
          await files.readFile('/lake/catalog.copy.json'),
        );
      }
  });

  test('where both are damaged the error names the file, and nothing is taken for an empty lake', async () => {
    const files = await stored();
    files.flipBit('/lake/catalog.json', 40);
    files.flipBit('/lake/catalog.copy.json', 41);
    await expect(openCatalog(files).namespaces()).rejects.toMatchObject({
      code: 'MR_STORAGE_DAMAGED',
      message: expect.stringContaining('/lake/catalog.json'),
    });
  });
});

describe('several at once', () => {
  test('of two that make a table of one name one gets it, and the table is its', async () => {
    for (let round = 0; round < 20; round++) {
      const catalog = openCatalog(new FaultFileSystem(SEED + round));
      await catalog.createNamespace('shop', {});
      const made = await Promise.allSettled(
        ['1', '2', '3'].map((value) =>
          catalog.createTable(at('a'), { schema: SCHEMA, properties: { value } }),
        ),
      );
      const won = made.filter((one) => one.status === 'fulfilled');
      expect(won).toHaveLength(1);
      const { metadata } = await catalog.table(at('a'));
      expect(metadata['table-uuid']).toBe(won[0]?.value.metadata['table-uuid']);
    }
  });

  test('L4: commits while the table gets another name are all made', async () => {
    const files = new FaultFileSystem(SEED);
    const catalog = openCatalog(files);
    await catalog.createNamespace('shop', {});
    await catalog.createTable(at('a'), { schema: SCHEMA, properties: {} });
    const commits: Promise<unknown>[] = [];
    for (let index = 0; index < 40; index++) {
      const name = index < 20 ? 'a' : 'b';
      const updates = [{ action: 'set-properties' as const, updates: { [`p${index}`]: '1' } }];
      if (index === 20) await catalog.renameTable(at('a'), at('b'));
      commits.push(catalog.commit(at(name), { requirements: [], updates }));
    }
    await Promise.all(commits);
    const { properties } = (await openCatalog(files).table(at('b'))).metadata;
    expect(Object.keys(properties).filter((name) => /^p\d+$/.test(name))).toHaveLength(40);
  });

  test('transactions in both orders end, and each is whole', async () => {
    const catalog = openCatalog(new FaultFileSystem(SEED));
    await catalog.createNamespace('shop', {});
    for (const name of ['a', 'b'])
      await catalog.createTable(at(name), { schema: SCHEMA, properties: {} });
    const change = (name: string, value: string) => ({
      name: at(name),
      requirements: [],
      updates: [set(value)],
    });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const names = index % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
        return catalog.commitAll(names.map((name) => change(name, String(index))));
      }),
    );
    const values = await Promise.all(
      ['a', 'b'].map(async (name) => (await catalog.table(at(name))).metadata.properties['value']),
    );
    expect(values[0]).toBe(values[1]);
  });
});
