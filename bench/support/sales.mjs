import { random } from './records.mjs';

/** Lines of a shop over 600 days, and the dashboard that shows them. Equal for equal seeds. */

const DAYS = 600;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2025, 0, 1);
/** Live records happen from here on. */
export const HISTORY_END_MS = START_MS + DAYS * DAY_MS;
/** Shares of a shop that sells mostly at home. */
const COUNTRIES = [
  ['United Kingdom', 0.4],
  ['Germany', 0.12],
  ['France', 0.1],
  ['Netherlands', 0.08],
  ['Ireland', 0.06],
  ['Spain', 0.05],
  ['Belgium', 0.05],
  ['Switzerland', 0.04],
  ['Portugal', 0.03],
  ['Australia', 0.03],
  ['Norway', 0.02],
  ['Japan', 0.02],
];
const LOOKS = [
  'White',
  'Red',
  'Vintage',
  'Glass',
  'Wooden',
  'Paper',
  'Striped',
  'Small',
  'Big',
  'Tin',
];
const THINGS = [
  'lantern',
  'cake stand',
  'alarm clock',
  'bag',
  'mug',
  'garland',
  'tray',
  'frame',
  'box',
  'card',
];
const PRODUCTS = LOOKS.flatMap((look) => THINGS.map((thing) => `${look} ${thing}`));

export const SALES_PIPELINE = `import { dashboard, field as f, sql, stream } from 'millrace';

export const sales = stream('sales', {
  fields: {
    invoice_no: f.string(),
    product: f.string(),
    quantity: f.int(),
    unit_price: f.decimal(10, 3),
    sold_at: f.timestamp(),
    country: f.string(),
  },
  key: 'invoice_no',
  shards: 4,
  time: 'sold_at',
  measures: { revenue: sql\`sum(quantity * unit_price)\` },
});

export const shop = dashboard(
  'shop',
  { title: 'Shop' },
  ({ kpi, line, bar, grid, select, period, row }) => [
    row(period(), select(sales.fields.country)),
    row(
      kpi('Revenue', { from: sales, value: 'revenue', format: 'GBP', compare: '7d' }),
      kpi('Units', { from: sales, value: sql\`sum(quantity)\`, compare: '1d' }),
      kpi('Average price', { from: sales, value: sql\`avg(unit_price)\`, format: 'GBP' }),
    ),
    line('Revenue by day', { from: sales, x: 'sold_at', y: 'revenue', format: 'GBP' }),
    row(
      bar('Products', { from: sales, x: 'product', y: 'revenue', format: 'GBP' }),
      bar('Countries', { from: sales, x: 'country', y: 'revenue', format: 'GBP' }),
    ),
    grid('Latest', {
      from: sales,
      columns: ['sold_at', 'invoice_no', 'product', 'country', 'quantity', 'unit_price'],
    }),
  ],
);
`;

/** With a lookup, the last line of each invoice, and delivered soon, as a bench waits for it. */
export const SHOP_PIPELINE = `${SALES_PIPELINE.replace(
  'import { dashboard, ',
  'import { dashboard, lookup, ',
).replace("key: 'invoice_no',", "key: 'invoice_no',\n  table: { every: '5s' },")}
export const invoices = lookup('invoices', { from: sales, key: 'invoice_no' });
`;

const cumulated = COUNTRIES.map(([name], index) => ({
  name,
  until: COUNTRIES.slice(0, index + 1).reduce((sum, [, share]) => sum + share, 0),
}));

const countryAt = (place) =>
  (cumulated.find(({ until }) => place < until) ?? cumulated[cumulated.length - 1]).name;

const LINES_PER_INVOICE = 10;

/** Number of the invoice that the history's so-many-th line stands on. */
export const invoiceAt = (number) => 536_365 + Math.floor(number / LINES_PER_INVOICE);

/** One NDJSON line; `next` gives numbers from 0 to below 1. */
function line(next, number, ms) {
  // Squared, so that some products sell much and most sell little.
  const product = Math.floor(next() ** 2 * PRODUCTS.length);
  const price = (0.5 + ((product * 37) % 100) / 4 + next()).toFixed(3);
  return (
    `{"invoice_no":"${invoiceAt(number)}","product":"${PRODUCTS[product]}",` +
    `"quantity":${1 + Math.floor(next() * 12)},"unit_price":"${price}",` +
    `"sold_at":"${new Date(ms).toISOString().slice(0, 23)}","country":"${countryAt(next())}"}\n`
  );
}

/** Lines `first` to below `until` of a history of `total`. */
export function historyBody(first, until, total) {
  const next = random(first + 1);
  const stepMs = (DAYS * DAY_MS) / total;
  let text = '';
  for (let number = first; number < until; number++)
    text += line(next, number, Math.floor(START_MS + number * stepMs));
  return text;
}

/** Lines of this moment, `sinceMs` after the history's end. */
export function liveBody(count, number, sinceMs) {
  const next = random(number + 7);
  let text = '';
  for (let index = 0; index < count; index++)
    text += line(next, 100_000_000 + number + index, HISTORY_END_MS + sinceMs);
  return text;
}

/** Request bodies of such lines, as bench/support/load.mjs wants them. */
export function bodies(count, perRequest, seed = 1) {
  const first = seed * count;
  return Array.from({ length: Math.floor(count / perRequest) }, (_, index) =>
    Buffer.from(liveBody(perRequest, first + index * perRequest, first + index)),
  );
}

export const MARKER_QUANTITY = 1_000_000_000;
export const MARKER_COUNTRY = 'France';

/** A line that shows in the sum of quantities, however many others there are. */
export function markerLine(number, sinceMs) {
  return `${JSON.stringify({
    invoice_no: `marker ${number}`,
    product: PRODUCTS[0],
    quantity: MARKER_QUANTITY,
    unit_price: '0',
    sold_at: new Date(HISTORY_END_MS + sinceMs).toISOString().slice(0, 23),
    country: MARKER_COUNTRY,
  })}\n`;
}

/** What the dashboard shows in a state, as one query for each chart over all rows: what there would be without cubes. */
export function fullQueries({ filters = {} }, newest) {
  const conditions = Object.entries(filters).map(([field, filter]) => ({
    field,
    sql: filter.range
      ? `${field} >= '${filter.range.from}' AND ${field} < '${filter.range.until}'`
      : `${field} IN (${filter.in.map((value) => `'${value}'`).join(', ')})`,
  }));
  const all = (own, always = 'true') =>
    [always, ...conditions.filter(({ field }) => field !== own).map(({ sql }) => sql)].join(
      ' AND ',
    );
  const revenue = 'sum(quantity * unit_price)';
  const kpi = (value, days) => {
    const compared = (from, until) =>
      `${value} FILTER (WHERE ${all('sold_at', `sold_at > TIMESTAMP '${newest}' - INTERVAL ${from} DAY AND sold_at <= TIMESTAMP '${newest}' - INTERVAL ${until} DAY`)})`;
    const compare = days ? `, ${compared(days, 0)}, ${compared(2 * days, days)}` : '';
    return `SELECT ${value} FILTER (WHERE ${all()}), ${value}${compare} FROM sales`;
  };
  const spark = (value) =>
    `SELECT date_trunc('month', sold_at) AS x, ${value} FROM sales WHERE ${all()} GROUP BY ALL ORDER BY x`;
  const bars = (field) =>
    `SELECT ${field}, ${revenue} AS v, count(*) OVER () FROM sales WHERE ${all(field)} GROUP BY ALL ORDER BY v DESC LIMIT 12`;
  return [
    kpi(revenue, 7),
    kpi('sum(quantity)', 1),
    kpi('avg(unit_price)'),
    spark(revenue),
    spark('sum(quantity)'),
    spark('avg(unit_price)'),
    `SELECT date_trunc('day', sold_at) AS x, ${revenue} FILTER (WHERE ${all('sold_at')}), ${revenue} FROM sales GROUP BY ALL ORDER BY x`,
    bars('product'),
    bars('country'),
    `SELECT country, count(*) FROM sales WHERE ${all('country')} GROUP BY ALL ORDER BY 2 DESC`,
    `SELECT count(*) FROM sales WHERE ${all()}`,
    `SELECT * FROM records.sales WHERE ${all()} ORDER BY _sequence_number DESC LIMIT 50`,
  ];
}
