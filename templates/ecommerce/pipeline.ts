import { check, dashboard, day, field as f, lookup, model, sequence, sql, stream } from 'millrace';

// Reference pipeline 2: a shop's invoice lines, from the till to lookups, lake, warehouse and charts.

// One call gives the ingest endpoint, the durable log and the Iceberg table lake.sales.
export const sales = stream('sales', {
  description: 'One row per invoice line',
  owner: 'shop@example.com',
  fields: {
    invoice_no: f.string().describe('Starts with C where the invoice cancels another'),
    stock_code: f.string(),
    description: f.string().optional(),
    quantity: f.int().describe('Negative for returns'),
    unit_price: f.decimal(10, 3),
    invoice_date: f.timestamp(),
    customer_id: f.string().optional().pii().from('integer-text'),
    country: f.string(),
  },
  key: 'invoice_no',
  shards: 4,
  time: 'invoice_date',
  invalid: 'deadletter',
  table: { partitionBy: [day('invoice_date')], every: '60s' },
  measures: { revenue: sql`sum(quantity * unit_price)` },
});

// What the checkout page asks: the lines of an invoice, the invoices of a customer.
export const invoices = lookup('invoices', {
  from: sales,
  key: 'invoice_no',
  sort: ['stock_code', sequence],
});
export const customers = lookup('customers', {
  from: sales,
  key: 'customer_id',
  sort: ['invoice_no', sequence],
});

export const dailyRevenue = model('daily_revenue', {
  description: 'Revenue and orders per day and country',
  sql: sql`select invoice_date::date as day, country, sum(quantity * unit_price) as revenue,
                  count(distinct invoice_no) as orders
           from ${sales} group by all`,
  key: ['day', 'country'],
  schedule: 'on-change',
  checks: [
    check.notNull('day'),
    check.unique(['day', 'country']),
    check.between('revenue', -1e6, 1e7),
  ],
});

export const topProducts = model('top_products', {
  description: 'Best sellers of all time',
  sql: sql`select stock_code, any_value(description) as description, sum(quantity) as sold,
                  sum(quantity * unit_price) as revenue
           from ${sales} where quantity > 0 group by stock_code order by revenue desc limit 100`,
  materialize: 'view',
});

// The page: http://localhost:4000/d/shop. A click or a drag on a chart filters all the others.
export const shop = dashboard(
  'shop',
  { title: 'Shop' },
  ({ kpi, line, bar, area, grid, select, period, search, row, tabs }) => [
    period({ default: '30d' }),
    select(sales.fields.country),
    search(sales.fields.description),
    kpi('Revenue', { from: sales, value: 'revenue', format: 'GBP', compare: '7d' }),
    kpi('Units', { from: sales, value: sql`sum(quantity)`, format: 'integer', compare: '7d' }),
    kpi('Orders', { from: sales, value: sql`count(distinct invoice_no)`, format: 'integer' }),
    line('Revenue over time', { from: sales, x: 'invoice_date', y: 'revenue', format: 'GBP' }),
    row(
      bar('Top products', { from: sales, x: 'description', y: 'revenue', format: 'GBP' }),
      bar('Revenue by country', { from: sales, x: 'country', y: 'revenue', format: 'GBP' }),
    ),
    tabs({
      'Latest lines': [
        grid('Latest lines', {
          from: sales,
          columns: ['invoice_date', 'description', 'country', 'quantity', 'unit_price'],
        }),
      ],
      'By country and day': [
        area('Revenue by country and day', {
          from: dailyRevenue,
          x: 'day',
          y: 'revenue',
          color: 'country',
          format: 'GBP',
        }),
      ],
    }),
  ],
);
