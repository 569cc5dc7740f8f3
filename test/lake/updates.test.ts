import { describe, expect, test } from 'vitest';
import type { IcebergSchema, TableMetadata } from '../../src/lake/iceberg/metadata.ts';
import { type Requirement, unmet } from '../../src/lake/iceberg/requirements.ts';
import { applyUpdates, type TableUpdate } from '../../src/lake/iceberg/updates.ts';
import { emptyTable, snapshot, tableWithHistory } from '../support/table-metadata.ts';

const NOW = 9_000_000;
const LARGE = 3051729675574597004n;

const schema = (...names: string[]): IcebergSchema => ({
  type: 'struct',
  'schema-id': 99,
  fields: names.map((name, index) => ({ id: index + 1, name, required: false, type: 'long' })),
});
const statistics = (id: number | bigint, path: string) => ({
  'snapshot-id': id,
  'statistics-path': path,
});
const main = (id: number | bigint): TableUpdate => ({
  action: 'set-snapshot-ref',
  'ref-name': 'main',
  type: 'branch',
  'snapshot-id': id,
});
const DAY = { name: 'day', transform: 'day', 'source-id': 1 };
const SORTED = {
  transform: 'identity',
  'source-id': 1,
  direction: 'asc' as const,
  'null-order': 'nulls-first' as const,
};

interface Case {
  readonly why: string;
  readonly on?: TableMetadata;
  readonly steps: readonly TableUpdate[];
  readonly gives: object;
}

const nested: IcebergSchema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    {
      id: 2,
      name: 'deep',
      required: false,
      type: {
        type: 'map',
        'key-id': 3,
        key: 'string',
        'value-id': 4,
        'value-required': false,
        value: {
          type: 'list',
          'element-id': 5,
          'element-required': false,
          element: {
            type: 'struct',
            fields: [{ id: 17, name: 'x', required: false, type: 'int' }],
          },
        },
      },
    },
  ],
};

const CASES: readonly Case[] = [
  { why: 'nothing changes nothing, not even the time', steps: [], gives: { 'last-updated-ms': 0 } },
  {
    why: 'a UUID is assigned',
    steps: [{ action: 'assign-uuid', uuid: 'ab' }],
    gives: { 'table-uuid': 'ab', 'last-updated-ms': NOW },
  },
  {
    why: 'format version 2 becomes 3, with row ids',
    steps: [{ action: 'upgrade-format-version', 'format-version': 3 }],
    gives: { 'format-version': 3, 'next-row-id': 0 },
  },
  {
    why: 'the same format version is no change',
    steps: [{ action: 'upgrade-format-version', 'format-version': 2 }],
    gives: { 'format-version': 2 },
  },
  {
    why: 'a schema gets the next id and -1 means it; field ids count in all depths',
    steps: [
      { action: 'add-schema', schema: nested },
      { action: 'set-current-schema', 'schema-id': -1 },
    ],
    gives: { 'current-schema-id': 1, 'last-column-id': 17 },
  },
  {
    why: 'a schema that is there is not added again',
    on: applyUpdates(emptyTable(), [{ action: 'add-schema', schema: schema('a', 'b') }], 0),
    steps: [
      { action: 'add-schema', schema: { ...schema('a', 'b'), 'schema-id': 7 } },
      { action: 'set-current-schema', 'schema-id': -1 },
    ],
    gives: { 'current-schema-id': 1 },
  },
  {
    why: 'a partition spec gets ids for itself and its fields',
    steps: [
      { action: 'add-spec', spec: { 'spec-id': 5, fields: [DAY as never] } },
      { action: 'set-default-spec', 'spec-id': -1 },
    ],
    gives: {
      'default-spec-id': 1,
      'last-partition-id': 1000,
      'partition-specs': [
        { 'spec-id': 0, fields: [] },
        { 'spec-id': 1, fields: [{ ...DAY, 'field-id': 1000 }] },
      ],
    },
  },
  {
    why: 'the spec that is there is used again',
    steps: [
      { action: 'add-spec', spec: { 'spec-id': 5, fields: [] } },
      { action: 'set-default-spec', 'spec-id': -1 },
    ],
    gives: { 'default-spec-id': 0, 'partition-specs': [{ 'spec-id': 0, fields: [] }] },
  },
  {
    why: 'a sort order gets an id from 1; 0 is unsorted',
    steps: [
      { action: 'add-sort-order', 'sort-order': { 'order-id': 0, fields: [SORTED] } },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    ],
    gives: { 'default-sort-order-id': 1 },
  },
  {
    why: 'a snapshot is added beside the current one',
    on: tableWithHistory(1),
    steps: [
      {
        action: 'add-snapshot',
        snapshot: snapshot(LARGE, {
          'sequence-number': 2,
          'parent-snapshot-id': 1,
          'timestamp-ms': 5,
        }),
      },
    ],
    gives: { 'current-snapshot-id': 1, 'last-sequence-number': 2 },
  },
  {
    why: 'main moves, and its log says when the snapshot was made',
    on: tableWithHistory(1),
    steps: [
      {
        action: 'add-snapshot',
        snapshot: snapshot(LARGE, {
          'sequence-number': 2,
          'parent-snapshot-id': 1,
          'timestamp-ms': 5,
        }),
      },
      main(LARGE),
    ],
    gives: {
      'current-snapshot-id': LARGE,
      refs: { main: { type: 'branch', 'snapshot-id': LARGE } },
      'snapshot-log': [
        { 'snapshot-id': 1, 'timestamp-ms': 1000 },
        { 'snapshot-id': LARGE, 'timestamp-ms': 5 },
      ],
    },
  },
  {
    why: 'a rollback is in the log with the time it happened',
    on: tableWithHistory(3),
    steps: [main(1)],
    gives: {
      'current-snapshot-id': 1,
      'snapshot-log': [1, 2, 3]
        .map((id) => ({ 'snapshot-id': id, 'timestamp-ms': id * 1000 }))
        .concat({ 'snapshot-id': 1, 'timestamp-ms': NOW }),
    },
  },
  {
    why: 'main where it is already is no event',
    on: tableWithHistory(1),
    steps: [main(1)],
    gives: { 'snapshot-log': [{ 'snapshot-id': 1, 'timestamp-ms': 1000 }] },
  },
  {
    why: 'a tag does not move main',
    on: tableWithHistory(2),
    steps: [
      {
        action: 'set-snapshot-ref',
        'ref-name': 'release',
        type: 'tag',
        'snapshot-id': 1,
        'max-ref-age-ms': 5,
      },
    ],
    gives: {
      'current-snapshot-id': 2,
      refs: {
        main: { type: 'branch', 'snapshot-id': 2 },
        release: { type: 'tag', 'snapshot-id': 1, 'max-ref-age-ms': 5 },
      },
    },
  },
  {
    why: 'snapshots go with their refs, statistics and all history before them',
    on: {
      ...tableWithHistory(4),
      refs: { main: { type: 'branch', 'snapshot-id': 4 }, old: { type: 'tag', 'snapshot-id': 2 } },
      statistics: [statistics(2, 'a'), statistics(4, 'b')],
      'partition-statistics': [statistics(2, 'c'), statistics(3, 'd')],
    },
    steps: [{ action: 'remove-snapshots', 'snapshot-ids': [2] }],
    gives: {
      refs: { main: { type: 'branch', 'snapshot-id': 4 } },
      'snapshot-log': [
        { 'snapshot-id': 3, 'timestamp-ms': 3000 },
        { 'snapshot-id': 4, 'timestamp-ms': 4000 },
      ],
      statistics: [statistics(4, 'b')],
      'partition-statistics': [statistics(3, 'd')],
    },
  },
  {
    why: 'a tag is let go of',
    on: {
      ...tableWithHistory(1),
      refs: { main: { type: 'branch', 'snapshot-id': 1 }, a: { type: 'tag', 'snapshot-id': 1 } },
    },
    steps: [{ action: 'remove-snapshot-ref', 'ref-name': 'a' }],
    gives: { refs: { main: { type: 'branch', 'snapshot-id': 1 } } },
  },
  {
    why: 'a ref that is not there need not go',
    on: tableWithHistory(1),
    steps: [{ action: 'remove-snapshot-ref', 'ref-name': 'b' }],
    gives: { 'current-snapshot-id': 1 },
  },
  {
    why: 'without main a table has no current snapshot',
    on: tableWithHistory(2),
    steps: [{ action: 'remove-snapshot-ref', 'ref-name': 'main' }],
    gives: { 'current-snapshot-id': -1, refs: {}, 'snapshot-log': [] },
  },
  {
    why: 'a location has no slash at its end',
    steps: [{ action: 'set-location', location: 's3://b/t/' }],
    gives: { location: 's3://b/t' },
  },
  {
    why: 'properties are set and removed, in the order of the steps',
    on: emptyTable({ properties: { a: '1', b: '2' } }),
    steps: [
      { action: 'set-properties', updates: { b: '3', c: '4' } },
      { action: 'remove-properties', removals: ['a', 'none'] },
    ],
    gives: { properties: { b: '3', c: '4' } },
  },
  {
    why: 'statistics are one for each snapshot',
    on: emptyTable({ statistics: [statistics(LARGE, 'a'), statistics(2, 'b')] }),
    steps: [
      { action: 'set-statistics', statistics: statistics(LARGE, 'c') },
      { action: 'remove-statistics', 'snapshot-id': 2 },
    ],
    gives: { statistics: [statistics(LARGE, 'c')] },
  },
  {
    why: 'so are those of partitions',
    on: emptyTable({ 'partition-statistics': [statistics(1, 'a')] }),
    steps: [
      { action: 'set-partition-statistics', 'partition-statistics': statistics(1, 'b') },
      { action: 'set-partition-statistics', 'partition-statistics': statistics(2, 'c') },
      { action: 'remove-partition-statistics', 'snapshot-id': 2 },
    ],
    gives: { 'partition-statistics': [statistics(1, 'b')] },
  },
  {
    why: 'what nothing uses any more may go',
    on: applyUpdates(
      emptyTable(),
      [
        { action: 'add-schema', schema: schema('a', 'b') },
        { action: 'add-spec', spec: { 'spec-id': 1, fields: [DAY as never] } },
      ],
      0,
    ),
    steps: [
      { action: 'remove-schemas', 'schema-ids': [1] },
      { action: 'remove-partition-specs', 'spec-ids': [1] },
    ],
    gives: { schemas: emptyTable().schemas, 'partition-specs': emptyTable()['partition-specs'] },
  },
  {
    why: 'encryption keys come and go',
    steps: [
      { action: 'add-encryption-key', 'encryption-key': { 'key-id': 'a' } },
      { action: 'add-encryption-key', 'encryption-key': { 'key-id': 'b' } },
      { action: 'remove-encryption-key', 'key-id': 'a' },
    ],
    gives: { 'encryption-keys': [{ 'key-id': 'b' }] },
  },
];

describe('a commit, step by step', () => {
  test.each(CASES)('$why', ({ on = emptyTable(), steps, gives }) => {
    const before = structuredClone(on);
    expect(applyUpdates(on, steps, NOW)).toMatchObject(gives);
    expect(on, 'the table before is left as it was').toEqual(before);
  });

  test('a table is never older than its newest snapshot', () => {
    const steps: TableUpdate[] = [
      { action: 'add-snapshot', snapshot: snapshot(1, { 'timestamp-ms': NOW + 70_000 }) },
    ];
    expect(applyUpdates(emptyTable(), steps, NOW)['last-updated-ms']).toBe(NOW + 70_000);
  });

  test('a long history is no trouble', () => {
    const snapshots = Array.from({ length: 200_000 }, (_, index) => snapshot(index + 1));
    const long = emptyTable({ snapshots });
    expect(
      applyUpdates(long, [{ action: 'set-properties', updates: {} }], NOW)['last-updated-ms'],
    ).toBe(200_000_000);
  });
});

const version3 = emptyTable({ 'format-version': 3, 'next-row-id': 10 });

test.each<[string, RegExp, readonly unknown[], TableMetadata?]>([
  ['INVALID', /no update 'explode'/, [{ action: 'explode' }]],
  [
    'INVALID',
    /Format version 2 cannot become 1/,
    [{ action: 'upgrade-format-version', 'format-version': 1 }],
  ],
  [
    'INVALID',
    /cannot become 4; at most 3/,
    [{ action: 'upgrade-format-version', 'format-version': 4 }],
  ],
  ['INVALID', /no schema 8/, [{ action: 'set-current-schema', 'schema-id': 8 }]],
  [
    'INVALID',
    /-1 means the schema added last/,
    [{ action: 'set-current-schema', 'schema-id': -1 }],
  ],
  ['INVALID', /no partition spec 8/, [{ action: 'set-default-spec', 'spec-id': 8 }]],
  [
    'INVALID',
    /-1 means the partition spec added last/,
    [{ action: 'set-default-spec', 'spec-id': -1 }],
  ],
  ['INVALID', /no sort order 8/, [{ action: 'set-default-sort-order', 'sort-order-id': 8 }]],
  [
    'INVALID',
    /-1 means the sort order added last/,
    [{ action: 'set-default-sort-order', 'sort-order-id': -1 }],
  ],
  ['INVALID', /snapshot 1 is there already/, [{ action: 'add-snapshot', snapshot: snapshot(1) }]],
  [
    'CONFLICT',
    /sequence number 1 was given/,
    [
      {
        action: 'add-snapshot',
        snapshot: snapshot(9, { 'sequence-number': 1, 'parent-snapshot-id': 1 }),
      },
    ],
  ],
  ['INVALID', /needs first-row-id/, [{ action: 'add-snapshot', snapshot: snapshot(9) }], version3],
  [
    'CONFLICT',
    /row ids from 3 were given/,
    [{ action: 'add-snapshot', snapshot: snapshot(9, { 'first-row-id': 3, 'added-rows': 1 }) }],
    version3,
  ],
  [
    'INVALID',
    /no snapshot 4/,
    [{ action: 'set-snapshot-ref', 'ref-name': 'a', type: 'tag', 'snapshot-id': 4 }],
  ],
  [
    'INVALID',
    /'main' is a branch/,
    [{ action: 'set-snapshot-ref', 'ref-name': 'main', type: 'tag', 'snapshot-id': 1 }],
  ],
  [
    'INVALID',
    /current snapshot cannot be removed/,
    [{ action: 'remove-snapshots', 'snapshot-ids': [1] }],
  ],
  [
    'INVALID',
    /default partition spec cannot be removed/,
    [{ action: 'remove-partition-specs', 'spec-ids': [0] }],
  ],
  [
    'INVALID',
    /current schema cannot be removed/,
    [{ action: 'remove-schemas', 'schema-ids': [0] }],
  ],
])(
  'a step that does not fit is refused with MR_TABLE_COMMIT_%s: %s',
  (code, message, steps, on = tableWithHistory(1)) => {
    const apply = () => applyUpdates(on, steps as TableUpdate[], NOW);
    expect(apply).toThrow(message);
    expect(apply).toThrow(expect.objectContaining({ code: `MR_TABLE_COMMIT_${code}` }));
  },
);

describe('what a commit was made on', () => {
  const table = { ...tableWithHistory(2), 'last-column-id': 5 };
  test.each<[string, Requirement, Requirement, RegExp]>([
    [
      'is a table',
      { type: 'assert-table-uuid', uuid: table['table-uuid'].toUpperCase() },
      { type: 'assert-table-uuid', uuid: 'x' },
      /UUID/,
    ],
    [
      'is a snapshot of main',
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': 2 },
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': 1 },
      /'main' changed: expected 1, is 2/,
    ],
    [
      'is a branch that is there',
      { type: 'assert-ref-snapshot-id', ref: 'new' },
      { type: 'assert-ref-snapshot-id', ref: 'new', 'snapshot-id': LARGE },
      /is none/,
    ],
    [
      'is a branch that is to be made',
      { type: 'assert-ref-snapshot-id', ref: 'new', 'snapshot-id': null },
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': null },
      /expected none, is 2/,
    ],
    [
      'is a last field id',
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 5 },
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 4 },
      /field id/,
    ],
    [
      'is a schema',
      { type: 'assert-current-schema-id', 'current-schema-id': 0 },
      { type: 'assert-current-schema-id', 'current-schema-id': 1 },
      /schema/,
    ],
    [
      'is a last partition id',
      { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 999 },
      { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 1000 },
      /partition id/,
    ],
    [
      'is a partition spec',
      { type: 'assert-default-spec-id', 'default-spec-id': 0 },
      { type: 'assert-default-spec-id', 'default-spec-id': 1 },
      /partition spec/,
    ],
    [
      'is a sort order',
      { type: 'assert-default-sort-order-id', 'default-sort-order-id': 0 },
      { type: 'assert-default-sort-order-id', 'default-sort-order-id': 1 },
      /sort order/,
    ],
  ])('%s', (_name, holds, fails, why) => {
    expect(unmet([holds], table)).toBeUndefined();
    expect(unmet([holds, fails], table)).toMatch(why);
    expect(unmet([holds], undefined)).toBe('the table does not exist');
  });

  test('a table that is to be made must not be there', () => {
    expect(unmet([{ type: 'assert-create' }], undefined)).toBeUndefined();
    expect(unmet([{ type: 'assert-create' }], table)).toMatch(/exists/);
  });
});
