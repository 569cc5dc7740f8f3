import { endpoint, field, sql } from 'millrace';
import { client } from 'millrace/client';
import { right } from './rows.ts';
import { invoices, sales } from './shop.ts';

const shop = client({ url: 'http://127.0.0.1:4000', key: 'mr_x' });

export async function calls(): Promise<number> {
  const { accepted } = await shop.send(sales, [right], { idempotencyKey: 'a' });
  await shop.send(sales, right);
  const { items } = await shop.lookup(invoices, '536365', '85123A');
  for await (const { record, arrivedAt } of shop.read(sales, { from: 'latest', limit: 1 })) {
    const quantity: number = record.quantity;
    arrivedAt.getTime().toFixed(quantity);
  }
  const { rows } = await shop.sql('select * from lake.sales where quantity > ?', [1]);
  return accepted + items.length + rows.length;
}

export const revenue = endpoint('revenue', {
  params: { since: field.date() },
  sql: ({ since }) =>
    sql`select country, sum(quantity) as total from ${sales} where day >= ${since}`,
});
const untyped = endpoint('untyped', { sql: sql`select 1 as one` });

export async function asked(): Promise<string> {
  const [row] = await shop.endpoint(revenue, { since: '2026-01-01' });
  const [other] = await shop.endpoint(untyped);
  // @ts-expect-error there is no such column
  row?.amount;
  // @ts-expect-error a parameter is missing
  await shop.endpoint(revenue);
  return `${row?.country?.length} ${row?.total?.length} ${other?.['one']}`;
}

export async function wrong(): Promise<void> {
  // @ts-expect-error a row has every required field
  await shop.send(sales, [{ invoice_no: '536365' }]);
  // @ts-expect-error values are of the fields' types
  await shop.send(sales, { ...right, quantity: '1' });
  // @ts-expect-error there is no such field
  await shop.send(sales, { ...right, price: 1 });
  // @ts-expect-error records are sent to streams
  await shop.send(invoices, right);
  // @ts-expect-error records are read from streams
  shop.read(invoices);
  // @ts-expect-error a start is a word, a number, or a Date
  shop.read(sales, { from: { at: 1 } });
  // @ts-expect-error there is no such option
  await shop.send(sales, right, { idempotency: 'a' });
}
