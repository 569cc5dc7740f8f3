import { field as f, type Row, stream } from 'millrace';
import type { Equal, Holds } from './equal.ts';
import type { dailyRevenue, invoices, pinned, sales } from './shop.ts';

type Sale = {
  invoice_no: string;
  stock_code: string;
  quantity: number;
  unit_price: string;
  invoice_date: string;
  total: bigint;
  paid_at: Date;
  description?: string | null;
  customer_id?: string | null;
  country?: string | null;
  cancelled?: boolean | null;
};

const everything = stream('everything', {
  fields: {
    boolean: f.boolean(),
    int: f.int(),
    long: f.long(),
    float: f.float(),
    double: f.double(),
    decimal: f.decimal(38, 18),
    string: f.string(),
    uuid: f.uuid(),
    binary: f.binary(),
    date: f.date(),
    timestamp: f.timestamp(),
    timestamptz: f.timestamptz(),
    list: f.list(f.long()),
    holes: f.list(f.decimal(4, 2).optional()),
    map: f.map(f.string(), f.timestamptz().optional()),
    struct: f.struct({ street: f.string(), number: f.int().optional() }),
    nested: f.list(f.struct({ tags: f.map(f.int(), f.list(f.date())) })),
    modified: f.long().min(1n).max(9n).oneOf([1n, 9n]).describe('one or nine').pii(),
  },
});

type Everything = {
  boolean: boolean;
  int: number;
  long: bigint;
  float: number;
  double: number;
  decimal: string;
  string: string;
  uuid: string;
  binary: Uint8Array;
  date: string;
  timestamp: string;
  timestamptz: Date;
  list: bigint[];
  holes: (string | null)[];
  map: Record<string, Date | null>;
  struct: { street: string; number?: number | null };
  nested: { tags: Record<string, string[]> }[];
  modified: bigint;
};

export type Cases = [
  Holds<Equal<Row<typeof sales>, Sale>>,
  Holds<Equal<Row<typeof invoices>, Sale>>,
  Holds<Equal<Row<typeof everything>, Everything>>,
  Holds<Equal<Row<typeof pinned>, { country?: string | null; orders: bigint }>>,
  Holds<Equal<Row<typeof dailyRevenue>, { day: string | null; revenue: string | null }>>,
  Holds<Equal<(typeof sales)['name'], 'sales'>>,
  Holds<Equal<(typeof sales.fields.country)['field'], 'country'>>,
];

export const right: Row<typeof sales> = {
  invoice_no: '536365',
  stock_code: '85123A',
  quantity: 1,
  unit_price: '2.550',
  invoice_date: '2010-12-01T08:26:00',
  total: 2n ** 60n,
  paid_at: new Date(0),
  customer_id: null,
};

// @ts-expect-error a number is not exact enough for a decimal
export const inexact: Row<typeof sales>['unit_price'] = 2.55;
// @ts-expect-error a long is a bigint
export const short: Row<typeof sales>['total'] = 1;
// @ts-expect-error an instant is a Date
export const text: Row<typeof sales>['paid_at'] = '2026-01-01T00:00:00Z';
// @ts-expect-error a timestamp without zone is text
export const date: Row<typeof sales>['invoice_date'] = new Date();
// @ts-expect-error required fields must be there
export const missing: Row<typeof sales> = { invoice_no: '536365' };
// @ts-expect-error null is for optional fields only
export const empty: Row<typeof sales>['invoice_no'] = null;
