import { bucket, day, desc, field as f, sql, stream, truncate } from 'millrace';
import { sales } from './shop.ts';

const fields = { id: f.string(), at: f.timestamp(), size: f.int() };

export const right = stream('right', {
  description: 'All options',
  owner: 'shop@example.com',
  fields,
  key: 'id',
  shards: 4,
  retention: '7d',
  time: 'at',
  unknown: 'keep',
  invalid: 'deadletter',
  table: {
    partitionBy: [day('at'), bucket('id', 8), truncate('id', 2)],
    sortBy: ['at', desc('id')],
    every: '60s',
    maxBytes: '64MB',
  },
  measures: { total: sql`sum(size)` },
  renamedFrom: 'wrong',
});
export const without = stream('without_table', { fields, table: false });

// @ts-expect-error the key is a field
stream('wrong', { fields, key: 'idd' });
// @ts-expect-error the time is a field
stream('wrong', { fields, time: 'when' });
// @ts-expect-error the partition is of a field
stream('wrong', { fields, table: { partitionBy: [day('when')] } });
// @ts-expect-error the table is sorted by a field of the stream
stream('wrong', { fields, table: { sortBy: ['when'] } });
// @ts-expect-error downwards too
stream('wrong', { fields, table: { sortBy: [desc('when')] } });
// @ts-expect-error a bucket has a size
stream('wrong', { fields, table: { partitionBy: [bucket('id')] } });
// @ts-expect-error there is no such option
stream('wrong', { fields, retain: '7d' });
// @ts-expect-error there is no such choice
stream('wrong', { fields, invalid: 'ignore' });
// @ts-expect-error there is no such choice
stream('wrong', { fields, unknown: 'accept' });
// @ts-expect-error retention is a duration as text
stream('wrong', { fields, retention: 7 });
// @ts-expect-error a measure is SQL
stream('wrong', { fields, measures: { total: 'sum(size)' } });
// @ts-expect-error fields are made with field.*
stream('wrong', { fields: { id: 'string' } });
// @ts-expect-error a stream has fields
stream('wrong', {});
// @ts-expect-error there is no such field
sales.fields.price;
// @ts-expect-error definitions do not change
sales.name = 'other';
