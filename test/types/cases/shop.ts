import { day, field as f, lookup, model, sequence, sql, stream } from 'millrace';

/** The definitions that the other cases use. */
export const sales = stream('sales', {
  fields: {
    invoice_no: f.string(),
    stock_code: f.string(),
    description: f.string().optional(),
    quantity: f.int().min(1).oneOf([1, 2, 3]),
    unit_price: f.decimal(10, 3),
    invoice_date: f.timestamp(),
    customer_id: f.string().optional().pii().from('integer-text'),
    country: f.string().default('unknown'),
    total: f.long(),
    paid_at: f.timestamptz().from('epoch-seconds'),
    cancelled: f.boolean().optional(),
  },
  key: 'invoice_no',
  time: 'invoice_date',
  shards: 4,
  table: { partitionBy: [day('invoice_date')], every: '60s' },
  measures: { revenue: sql`sum(quantity * unit_price)` },
});

export const invoices = lookup('invoices', {
  from: sales,
  key: 'invoice_no',
  sort: ['stock_code', sequence],
  tombstone: 'cancelled',
});

/** Its rows are known from the generated file, see `millrace-env.d.ts`. */
export const dailyRevenue = model('daily_revenue', {
  sql: sql`select invoice_date::date as day, sum(total) as revenue from ${sales} group by all`,
});

/** Its rows are known from the fields it pins. */
export const pinned = model('pinned', {
  sql: sql`select country, count(*) as orders from ${sales} group by all`,
  fields: { country: f.string().optional(), orders: f.long() },
});

/** Nothing is known of its rows. */
export const unknownRows = model('unknown_rows', { sql: sql`select 1 as one from ${sales}` });
